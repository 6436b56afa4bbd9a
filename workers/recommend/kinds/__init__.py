"""What each kind of request means: one file a kind, or for those that are alike."""

from collections.abc import Callable, Mapping

from workers.recommend.context import Known, QueryContext, bare_context
from workers.recommend.controls import Controls
from workers.recommend.kinds.for_user import for_user
from workers.recommend.kinds.searching import searching
from workers.recommend.kinds.session import session
from workers.recommend.kinds.similar_items import bought_together, similar_items
from workers.recommend.kinds.trending import trending
from workers.recommend.question import Question
from workers.records.request import Kind

_KINDS: Mapping[Kind, Callable[[QueryContext, Question, Known], QueryContext]] = {
    "for_user": for_user,
    "session": session,
    "similar_items": similar_items,
    "bought_together": bought_together,
    "search": searching,
    "trending": trending,
}


def understood(question: Question, controls: Controls, known: Known) -> QueryContext:
    """What is known before anything is searched; raises `BadRecordError` for what can't be answered."""
    context = bare_context(question, controls)
    return _KINDS[question.request.kind](context, question, known)
