"""`for_user`: what comes next for a user, by all that they did; a stranger gets what is popular."""

from collections.abc import Sequence
from dataclasses import replace

from models.primitives.text import Vector
from models.ranking.fusion import Situation
from models.retrieval.asking import after_past, of_stranger
from models.retrieval.sources import COOCCURRENCE_ITEMS
from workers.recommend.context import Known, QueryContext, as_of
from workers.recommend.question import Question


def for_user(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """An unknown user has no past, which is no error."""
    user = context.user
    if user is None or user.last_time_ms is None:
        return stranger(context, known)
    gap_ms = max(0, context.request.asked_at_ms - user.last_time_ms)
    recent = [item_id for item_id, _ in user.history.recent(COOCCURRENCE_ITEMS)]
    situation = Situation("for_user", len(user.history), gap_ms)
    context = replace(context, situation=situation, as_of=as_of(user, question.partition))
    return with_past(context, recent, user.taste.direction(), known)


def stranger(context: QueryContext, known: Known) -> QueryContext:
    """What most users had, first in the categories that the user says to prefer."""
    preferred = context.user.profile.preferred_categories if context.user else ()
    return replace(context, asked=of_stranger(known.moment, preferred))


def with_past(context: QueryContext, recent: Sequence[str], taste: Vector | None, known: Known) -> QueryContext:
    """With `recent` items as the past, newest first."""
    return known.asking(replace(context, recent=tuple(recent)), after_past(known.table, recent, taste, known.moment))
