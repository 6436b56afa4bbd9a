"""Stage 2: the sources, side by side; each may fail alone, and the answer says which did."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.item_state import HALF_LIVES
from models.sources import (
    ALL,
    CATEGORY,
    CONTENT,
    COOCCURRENCE,
    POPULARITY,
    TASTE,
    TRANSITIONS,
    TRENDING,
    HistoryQuery,
    cooccurrence_query,
    popularity_query,
    seed_query,
    transition_query,
)
from models.text import Vector
from workers.errors import DependencyError
from workers.index.filters import Condition
from workers.index.types import Hit, Query
from workers.index.types import Vector as AnyVector
from workers.item_points import EMBEDDING
from workers.item_points import POPULARITY as POPULARITY_ROW
from workers.query.popular import Searcher
from workers.query.question import Question

log = logging.getLogger(__name__)

# Hits of one source. Fewer lose candidates that several sources like a little; more cost time in proportion.
WIDTH = 60
# Share of that for lists of popular items: popularity is known of every candidate, however it was found, so
# these lists only have to fill places that nothing personal takes.
POPULAR_SHARE = 0.5
_POPULAR = frozenset({TRENDING, POPULARITY, CATEGORY})
# Categories asked for by themselves: those a user likes best.
CATEGORIES = 2


@dataclass(frozen=True, slots=True)
class Found:
    """Hits by source; `queries` are those over the history's items; `exhausted`: no source has more."""

    hits: Mapping[str, Sequence[Hit]]
    queries: Mapping[str, HistoryQuery]
    text: Vector | None
    degraded: tuple[str, ...] = ()
    exhausted: bool = False


@dataclass(slots=True)
class Plan:
    """What each source is asked; `text` is the dense query, float32 (dim,) of unit length."""

    searches: dict[str, list[tuple[str, AnyVector]]] = field(default_factory=dict)
    queries: dict[str, HistoryQuery] = field(default_factory=dict)
    text: Vector | None = None


def plan(question: Question, text: Vector | None) -> Plan:
    """The searches that a question asks for; sources that have nothing to say are not asked."""
    planned = Plan(text=text)
    if question.situation.kind == "similar_items":
        seeds = seed_query(question.request.item_ids, question.count_of)
        _ask_rows(planned, {TRANSITIONS: seeds, COOCCURRENCE: seeds})
    elif question.recent:
        recent = question.recent_ids
        _ask_rows(
            planned,
            {
                TRANSITIONS: transition_query(recent, question.count_of),
                COOCCURRENCE: cooccurrence_query(recent, question.count_of),
            },
        )
    if text is not None:
        source = CONTENT if question.situation.kind == "similar_items" else TASTE
        planned.searches[source] = [(EMBEDDING, text)]
    shortest, *longer = HALF_LIVES
    planned.searches[TRENDING] = [(POPULARITY_ROW, popularity_query(shortest, ALL))]
    planned.searches[POPULARITY] = [(POPULARITY_ROW, popularity_query(longer[-1], ALL))]
    best = sorted(question.affinity, key=lambda name: -question.affinity[name])[:CATEGORIES]
    if best:
        planned.searches[CATEGORY] = [(POPULARITY_ROW, popularity_query(longer[-1], name)) for name in best]
    return planned


async def retrieve(planned: Plan, where: tuple[Condition, ...], index: Searcher, width: int) -> Found:
    """Ask every source for its best `width`; raises `DependencyError` only if all of them fail."""
    queries = {
        source: [Query(space, vector, _width(source, width), where) for space, vector in searches]
        for source, searches in planned.searches.items()
    }
    found = await _ask_at_once(queries, index)
    if planned.searches and not found:
        raise DependencyError("no source of candidates answers: check the index")
    failed = tuple(source for source in queries if source not in found)
    exhausted = all(len(hits) < _width(source, width) for source, lists in found.items() for hits in lists)
    return Found(
        {source: [hit for hits in lists for hit in hits] for source, lists in found.items()},
        planned.queries,
        planned.text,
        failed,
        exhausted,
    )


def _width(source: str, width: int) -> int:
    return int(width * POPULAR_SHARE) if source in _POPULAR else width


async def _ask_at_once(queries: Mapping[str, list[Query]], index: Searcher) -> dict[str, list[list[Hit]]]:
    """All sources in one call; if that fails, each by itself, so that one takes none of the others along."""
    try:
        answers = iter(await index.search([query for group in queries.values() for query in group]))
    except DependencyError as error:
        log.warning("the sources failed together, asking each by itself: %s", error)
        return await _ask_one_by_one(queries, index)
    return {source: [next(answers) for _ in group] for source, group in queries.items()}


async def _ask_one_by_one(queries: Mapping[str, list[Query]], index: Searcher) -> dict[str, list[list[Hit]]]:
    found = {}
    for source, group in queries.items():
        try:
            found[source] = await index.search(group)
        except DependencyError as error:
            log.warning("source %s failed, the answer goes on without it: %s", source, error)
    return found


def _ask_rows(planned: Plan, queries: Mapping[str, HistoryQuery]) -> None:
    for source, query in queries.items():
        if len(query.vector):
            planned.queries[source] = query
            planned.searches[source] = [(source, query.vector)]
