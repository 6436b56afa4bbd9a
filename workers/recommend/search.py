"""Asks the index (I/O): one call of at most two searches, for likeness and for words; an answer may do without it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from models.retrieval.item_slots import Slots
from models.retrieval.item_table import ItemTable
from models.retrieval.sources import COLLABORATIVE, KEYWORDS, TEXT
from workers.errors import DependencyError
from workers.index.filters import Condition
from workers.index.types import Hit, Query, Vector
from workers.items.points import COLLABORATIVE_DIM

log = logging.getLogger(__name__)

INDEX = "index"
"""Named in `degraded` by an answer that does without the index, before the sources that it lacks."""

# Cosine to the text below which an item is not found by likeness alone: one of 256 dimensions shared by chance,
# as 4 % of all items share one with any word, makes up to 0.4.
LEAST_LIKENESS = 0.5
# Dot product of learned vectors that says anything: what lies below points elsewhere.
LEAST_NEARNESS = 1e-6
_LEAST = {TEXT: LEAST_LIKENESS, COLLABORATIVE: LEAST_NEARNESS}
# Words are asked for once for words anywhere and for titles: both get their room.
_WIDER = {KEYWORDS: 2}


class Search(NamedTuple):
    """What one source asks of the index: the space and the vector."""

    source: str
    space: str
    vector: Vector


class Searcher(Protocol):
    """The part of an index that searches."""

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        """As `Index.search`."""


@dataclass(frozen=True, slots=True)
class SearchedIndex:
    """The index as answers use it.

    `compared`: up to so many items their embeddings are compared in memory. `idf_of`: how much a word's entry says, as
    `WordRarity.idf_of`; `learned_space`: the learned vectors that answers use at this moment, of `learned_dim`
    dimensions; `away`: known not to answer, or not to be what the rows say.
    """

    index: Searcher
    idf_of: Callable[[int], float]
    learned_space: Callable[[], str | None] = lambda: None
    learned_dim: int = COLLABORATIVE_DIM
    away: Callable[[], bool] = lambda: False
    compared: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Scores of what the index found by source and item id; `degraded` names what is missing."""

    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()

    def slots(self, table: ItemTable) -> Slots:
        """Slots of all items that were found."""
        return table.slots.found({item_id for scores in self.scores.values() for item_id in scores})

    def of(self, source: str, table: ItemTable, slots: Slots) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """What the index said of the items in `slots` (n,), float64 (n,), 0 where it did not find them."""
        by_slot = np.zeros(len(table))
        for item_id, score in self.scores.get(source, {}).items():
            if (slot := table.slots.find(item_id)) is not None:
                by_slot[slot] = score
        return by_slot[slots]


async def search(searches: Sequence[Search], where: tuple[Condition, ...], width: int, index: SearchedIndex) -> Found:
    """What the index finds, up to `width` for each source; without it what is missing."""
    if not searches:
        return Found()
    missing = Found(degraded=(INDEX, *(one.source for one in searches)))
    if index.away():
        return missing
    queries = [Query(one.space, one.vector, width * _WIDER.get(one.source, 1), where) for one in searches]
    try:
        answers = await index.index.search(queries)
    except DependencyError as error:
        log.warning("an answer goes on without the index: %s", error)
        return missing
    return Found({one.source: _scores(one.source, hits) for one, hits in zip(searches, answers, strict=True)})


def _scores(source: str, hits: Sequence[Hit]) -> dict[str, float]:
    least = _LEAST.get(source, -np.inf)
    return {hit.item_id: hit.score for hit in hits if hit.score >= least}
