"""`search`: what a text names or describes; the user's past may order what matches."""

from dataclasses import replace

from models.primitives.text import embed_query
from models.primitives.words import SearchedText
from models.retrieval.asking import past_queries, turned
from models.retrieval.retrieval import Asked
from models.retrieval.sources import KEYWORDS, TASTE, TEXT
from workers.items.points import EMBEDDING, WORDS
from workers.recommend.context import Known, QueryContext
from workers.recommend.kinds.for_user import for_user
from workers.recommend.question import Question
from workers.recommend.search import Search


def searching(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """Only what words or likeness find is a candidate; what is known of a past orders it."""
    request, situation, table = context.request, context.situation, known.table
    text = SearchedText(request.text, known.index.idf_of)
    searches = [Search(KEYWORDS, WORDS, text.vector)]
    dense = {}
    if (likeness := turned(table, embed_query(request.text, table.rarity.dim))) is not None:
        searches.append(Search(TEXT, EMBEDDING, likeness))
        dense[TEXT] = likeness
    if request.personalised:
        context = replace(for_user(context, question, known), situation=situation)
        dense |= {source: vector for source, vector in context.asked.dense.items() if source == TASTE}
    asked = Asked(
        history=past_queries(table, context.recent),
        dense=dense,
        affinity=context.asked.affinity,
        preferred=context.asked.preferred,
        moment=known.moment,
    )
    return replace(context, asked=asked, searches=tuple(searches), text=text)
