"""`trending`: what is popular at the moment, for everybody."""

from dataclasses import replace

from models.retrieval.asking import of_moment
from workers.recommend.context import Known, QueryContext
from workers.recommend.question import Question


def trending(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """By events, or by calendar day."""
    return replace(context, asked=of_moment(known.moment, by_day=context.request.by == "day"))
