"""`trending`: what is popular at the moment, for everybody."""

from dataclasses import replace

from models.retrieval.popular_lists import Name
from models.retrieval.retrieval import Asked
from models.retrieval.sources import DAY
from workers.recommend.context import Known, QueryContext
from workers.recommend.kinds.for_user import LONGEST, POPULAR
from workers.recommend.question import Question


def trending(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """By events, or by calendar day; lasting popularity fills the list of a quiet moment."""
    by_day = context.request.by == "day"
    lists: tuple[Name, ...] = ((DAY, None), (LONGEST, None)) if by_day else POPULAR
    return replace(context, asked=Asked(lists=lists, moment=known.moment, by_day=by_day))
