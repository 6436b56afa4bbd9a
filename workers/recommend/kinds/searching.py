"""`search`: what a text names or describes; the user's past may order what matches."""

from dataclasses import replace

from models.primitives.text import embed_query
from models.primitives.words import SearchedText
from models.retrieval.retrieval import Asked
from models.retrieval.sources import KEYWORDS, TASTE, TEXT
from workers.items.points import EMBEDDING, WORDS
from workers.recommend.context import Known, QueryContext, named
from workers.recommend.kinds.for_user import for_user, past_queries
from workers.recommend.question import Question
from workers.recommend.search import Search


def searching(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """Only what words or likeness find is a candidate; everything else of a past orders it."""
    request, situation = context.request, context.situation
    text = SearchedText(request.text, known.index.idf_of)
    likeness = known.turned(embed_query(request.text, known.table.rarity.dim))
    searches = [Search(KEYWORDS, WORDS, text.vector)]
    if likeness is not None:
        searches.append(Search(TEXT, EMBEDDING, likeness))
    if request.personalised:
        context = replace(for_user(context, question, known), situation=situation)
    asked = Asked(
        history=past_queries(context.recent, known),
        dense=named([(TEXT, likeness), (TASTE, context.asked.dense.get(TASTE))]),
        affinity=context.asked.affinity,
        preferred=context.asked.preferred,
        moment=known.moment,
    )
    return replace(context, asked=asked, searches=tuple(searches), text=text)
