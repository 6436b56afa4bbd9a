"""What each source is asked: one function a kind of request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from models.primitives.text import Vector
from models.primitives.titles import wanted
from models.primitives.words import WordRarity, title_query, word_query
from models.retrieval.popular_lists import ALL, popularity_query
from models.retrieval.sources import (
    BOUGHT_TOGETHER,
    CATEGORY,
    COLLABORATIVE,
    COOCCURRENCE,
    DAY,
    KEYWORDS,
    POPULARITY,
    REVERSED,
    TEXT,
    TITLE,
    TRANSITIONS,
    TRENDING,
    HistoryQuery,
    cooccurrence_query,
    seed_query,
    seed_rows_query,
    transition_query,
)
from models.state.item_state import HALF_LIVES
from workers.index.types import Vector as AnyVector
from workers.items.points import BOUGHT, EMBEDDING, WORDS
from workers.items.points import POPULARITY as POPULARITY_ROW
from workers.recommend.context import QueryContext
from workers.recommend.dense import Near
from workers.records.request import Kind

# Categories asked for by themselves: those a user likes best. Of a stranger nothing else is known.
CATEGORIES = 2
STRANGERS_CATEGORIES = 16

BOUGHT_BEFORE = "bought_before"
"""The other half of what was bought together: it brings candidates, the seeds' rows score them."""

_SHORTEST, _LONGEST = HALF_LIVES[0], HALF_LIVES[-1]

Searches = list[tuple[str, AnyVector]]
"""What one source is asked: vectors, and the named space that each is searched in."""


@dataclass(slots=True)
class Plan:
    """Searches by source; `second` are those that only order what the first ones found.

    `queries`: those over the history's items; `dense`: float32 (dim,) of unit length; `least`: score below which a hit
    is none, of sources for which that is known before.
    """

    searches: dict[str, Searches] = field(default_factory=dict)
    second: dict[str, Searches] = field(default_factory=dict)
    queries: dict[str, HistoryQuery] = field(default_factory=dict)
    dense: Mapping[str, Vector] = field(default_factory=dict)
    least: dict[str, float] = field(default_factory=dict)


def plan(context: QueryContext, dense: Mapping[str, Vector], words: WordRarity, near: Near | None = None) -> Plan:
    """The searches that a request needs; sources that have nothing to say are not asked."""
    planned = Plan(dense=dense)
    if near is not None:
        planned.searches[COLLABORATIVE] = [(near.space, near.vector)]
    if context.request.kind == "search":
        planned.searches[KEYWORDS] = [(WORDS, word_query(context.request.text, words.idf_of))]
        titles, planned.least[TITLE] = title_query(wanted(context.request.text), words.idf_of)
        if len(titles):
            planned.searches[TITLE] = [(WORDS, titles)]
    _PLANNING[context.request.kind](context, planned)
    return planned


def _for_user(context: QueryContext, planned: Plan) -> None:
    _ask_rows(planned, planned.searches, _past(context))
    if TRANSITIONS in planned.queries:
        planned.queries[REVERSED] = planned.queries[TRANSITIONS]
    _ask_dense(planned)
    _ask_popular(planned, TRENDING, _SHORTEST)
    _ask_popular(planned, POPULARITY, _LONGEST)
    best = sorted(context.affinity, key=lambda name: -context.affinity[name])[:CATEGORIES]
    categories = best or context.preferred[:STRANGERS_CATEGORIES]
    if categories:
        planned.searches[CATEGORY] = [(POPULARITY_ROW, popularity_query(_LONGEST, name)) for name in categories]


def _similar_items(context: QueryContext, planned: Plan) -> None:
    seeds = seed_query(context.request.item_ids, context.count_of)
    _ask_rows(planned, planned.searches, {TRANSITIONS: seeds, COOCCURRENCE: seeds})
    _ask_dense(planned)
    _ask_popular(planned, TRENDING, _SHORTEST)
    _ask_popular(planned, POPULARITY, _LONGEST)


def _bought_together(context: QueryContext, planned: Plan) -> None:
    seeds = seed_query(context.request.item_ids, context.count_of)
    _ask_rows(planned, planned.searches, {COOCCURRENCE: seeds})
    planned.queries[BOUGHT_TOGETHER] = seeds
    # A pair is noted with the item that was bought second: seeds are found in others' rows, and others in theirs.
    planned.searches[BOUGHT_TOGETHER] = [(BOUGHT, seeds.vector)]
    named = seed_rows_query(seeds, context.bought)
    if len(named):
        planned.searches[BOUGHT_BEFORE] = [(WORDS, named)]
    _ask_popular(planned, POPULARITY, _LONGEST)


def _search(context: QueryContext, planned: Plan) -> None:
    if TEXT in planned.dense:
        planned.searches[TEXT] = [(EMBEDDING, planned.dense[TEXT])]
    _ask_rows(planned, planned.second, _past(context))


def _trending(context: QueryContext, planned: Plan) -> None:
    if context.request.by == "day":
        _ask_popular(planned, DAY, DAY)
    else:
        _ask_popular(planned, TRENDING, _SHORTEST)
    _ask_popular(planned, POPULARITY, _LONGEST)


_PLANNING: Mapping[Kind, Callable[[QueryContext, Plan], None]] = {
    "for_user": _for_user,
    "session": _for_user,
    "similar_items": _similar_items,
    "bought_together": _bought_together,
    "search": _search,
    "trending": _trending,
}


def _past(context: QueryContext) -> dict[str, HistoryQuery]:
    if not context.recent:
        return {}
    recent = context.recent_ids
    return {
        TRANSITIONS: transition_query(recent, context.count_of),
        COOCCURRENCE: cooccurrence_query(recent, context.count_of),
    }


def _ask_rows(planned: Plan, searches: dict[str, Searches], queries: Mapping[str, HistoryQuery]) -> None:
    for source, query in queries.items():
        if len(query.vector):
            planned.queries[source] = query
            searches[source] = [(source, query.vector)]


def _ask_dense(planned: Plan) -> None:
    for source, vector in planned.dense.items():
        planned.searches[source] = [(EMBEDDING, vector)]


def _ask_popular(planned: Plan, source: str, half_life: int | str) -> None:
    planned.searches[source] = [(POPULARITY_ROW, popularity_query(half_life, ALL))]
