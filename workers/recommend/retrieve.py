"""Stage 2: the sources, side by side; each may fail alone, and the answer says which did."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.primitives.text import Vector
from models.retrieval.sources import (
    CATEGORY,
    COLLABORATIVE,
    DAY,
    KEYWORDS,
    POPULARITY,
    TEXT,
    TITLE,
    TRENDING,
    HistoryQuery,
)
from workers.errors import DependencyError
from workers.index.filters import Condition
from workers.index.types import Hit, Query
from workers.recommend.plan import Plan, Searches
from workers.recommend.popular import Searcher

log = logging.getLogger(__name__)

# Hits of one source. Fewer lose candidates that several sources like a little; more cost time in proportion.
WIDTH = 60
# Share of that for lists of popular items: popularity is known of every candidate, however it was found, so
# these lists only have to fill places that nothing personal takes.
POPULAR_SHARE = 0.5
_CUT = frozenset({TEXT, TITLE, KEYWORDS, COLLABORATIVE})
_POPULAR = frozenset({TRENDING, DAY, POPULARITY, CATEGORY})
# Share of the best match's score below which an item has too little of the words asked for: letters in common with
# one of them are a tenth of a match, one word of four is a quarter.
LEAST_MATCH = 0.15
# Cosine to the text below which an item is not found by likeness alone: one of 256 dimensions shared by chance,
# as 4 % of all items share one with any word, makes up to 0.4.
LEAST_LIKENESS = 0.5
# Dot product of learned vectors that says anything: what lies below points elsewhere.
LEAST_NEARNESS = 1e-6


@dataclass(frozen=True, slots=True)
class Found:
    """Hits by source; `queries` are those over the history's items; `exhausted`: no source has more."""

    hits: Mapping[str, Sequence[Hit]]
    queries: Mapping[str, HistoryQuery]
    dense: Mapping[str, Vector]
    degraded: tuple[str, ...] = ()
    exhausted: bool = False

    def with_more(self, other: "Found") -> "Found":
        """These hits and others, of the same sources or of further ones."""
        degraded = tuple(dict.fromkeys((*self.degraded, *other.degraded)))
        hits = {source: (*self.hits.get(source, ()), *more) for source, more in other.hits.items()}
        return Found({**self.hits, **hits}, self.queries, self.dense, degraded, self.exhausted)


def width_for(limit: int, returned: int, least: int | None = None) -> int:
    """Hits to ask each source for: enough that a list of popular items alone fills the next page."""
    return max(least or WIDTH, round((limit + returned) / POPULAR_SHARE))


async def retrieve(planned: Plan, where: tuple[Condition, ...], index: Searcher, width: int) -> Found:
    """Ask every source for its best `width`; raises `DependencyError` only if all of them fail."""
    return await _retrieve(planned, planned.searches, where, index, width)


async def retrieve_second(planned: Plan, where: tuple[Condition, ...], index: Searcher, width: int) -> Found:
    """Ask the sources that only order what others found: if all of them fail, the others' order stays."""
    try:
        return await _retrieve(planned, planned.second, where, index, width)
    except DependencyError:
        return Found({}, {}, {}, tuple(planned.second))


async def _retrieve(
    planned: Plan, wanted: Mapping[str, Searches], where: tuple[Condition, ...], index: Searcher, width: int
) -> Found:
    queries = {
        source: [Query(space, vector, _width(source, width), where) for space, vector in searches]
        for source, searches in wanted.items()
    }
    found = await _ask_at_once(queries, index)
    if queries and not found:
        raise DependencyError("no source of candidates answers: check the index")
    failed = tuple(source for source in queries if source not in found)
    hits = {source: [hit for hits in lists for hit in hits] for source, lists in found.items()}
    least = {source: planned.least.get(source, _least(source, hits[source])) for source in _CUT & hits.keys()}
    exhausted = all(
        len(hits) < _width(source, width) or hits[-1].score < least.get(source, 0.0)
        for source, lists in found.items()
        for hits in lists
    )
    for source, score in least.items():
        hits[source] = [hit for hit in hits[source] if hit.score >= score]
    return Found(hits, planned.queries, planned.dense, failed, exhausted)


def _least(source: str, hits: Sequence[Hit]) -> float:
    """Score below which a hit of a search is none."""
    if source == TEXT:
        return LEAST_LIKENESS
    if source == COLLABORATIVE:
        return LEAST_NEARNESS
    return LEAST_MATCH * hits[0].score if hits else 0.0


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
