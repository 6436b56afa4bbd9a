"""All items side by side in memory: what the index holds for the stream, scored exactly and at once."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import Indices, item_key, sparse_index
from models.primitives.sparse import SparseVector
from models.primitives.text import Rarity, Vector
from models.retrieval.sources import (
    CATEGORY,
    COOCCURRENCE,
    POPULARITY,
    REACH,
    REVERSED,
    TRANSITIONS,
    TRENDING,
    HistoryQuery,
    popularity_scores,
)
from models.retrieval.sparse_rows import SparseRows
from models.state.evidence import WINDOW, Evidence
from models.state.item_state import HALF_LIVES, TRANSITION_UNIT, ItemState
from models.state.pair_table import PairTable

Floats = NDArray[np.float64]

_FIRST_SLOTS = 1_024
_COLUMNS, _UNITS = {TRANSITIONS: 0, COOCCURRENCE: 1}, {TRANSITIONS: TRANSITION_UNIT, COOCCURRENCE: 1}
"""Column of a pair's counts that a source reads, and what one of it is."""

_SEARCHED = (TRENDING, POPULARITY, REACH, CATEGORY)
"""Kinds of popularity that bring candidates of their own; what else is known of an item only helps to rank it."""


class ItemTable:
    """Rows, popularity, text and categories of items by slot; an item unknown to the catalog has no text.

    >>> table = ItemTable(dim=2)
    >>> table.describe("a", np.array([1, 0], dtype=np.float32), ["Crime"])
    >>> table.scores(np.array([0]), {}, {"taste": np.array([1, 0], dtype=np.float32)}, {})["taste"].tolist()
    [1.0]
    """

    def __init__(self, dim: int) -> None:
        self._slots: dict[str, int] = {}
        self._slots_by_key: dict[int, int] = {}
        self._ids: NDArray[np.object_] = np.empty(_FIRST_SLOTS, dtype=object)
        self._indices: Indices = np.zeros(_FIRST_SLOTS, dtype=np.uint32)
        self._popularity: Floats = np.zeros((len(HALF_LIVES), _FIRST_SLOTS))
        self._counts: Floats = np.zeros(_FIRST_SLOTS)
        self._pairs = PairTable()
        self._unlearned: list[tuple[int, Indices, bool]] = []
        self._categories = SparseRows()
        self._names: dict[str, Sequence[str]] = {}
        self._prices: dict[str, float] = {}
        self._changed: dict[int, ItemState] = {}
        self._text: NDArray[np.float32] = np.zeros((_FIRST_SLOTS, dim), dtype=np.float32)
        self._rarity = Rarity(dim)

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def item_ids(self) -> NDArray[np.object_]:
        """Ids by slot, object (n,)."""
        return self._ids[: len(self)]

    def describe(self, item_id: str, vector: Vector, categories: Sequence[str], price: float | None = None) -> None:
        """Take an item of the catalog, or its new description."""
        slot = self.slot(item_id)
        self._prices.pop(item_id, None)
        if price is not None and price > 0.0:
            self._prices[item_id] = price
        if item_id in self._names:
            self._rarity.revert_one(self._text[slot])
        self._rarity.learn_one(vector)
        self._text[slot] = vector
        self._names[item_id] = categories
        share = {sparse_index(name): 1.0 / len(categories) for name in categories}
        self._categories.set(slot, SparseVector.of(share))

    def update(self, item_id: str, item: ItemState, evidence: Evidence) -> None:
        """Take the evidence of an event about an item, whose state has it; folded at the next query, many at once."""
        slot = self.slot(item_id)
        self._changed[slot] = item
        self._unlearned.append((slot, evidence.predecessors[:WINDOW], evidence.weight > 0))

    def vector(self, item_id: str) -> Vector | None:
        """Text vector, float32 (dim,); None for an item without a description."""
        return self._text[self._slots[item_id]] if item_id in self._names else None

    def categories(self, item_id: str) -> Sequence[str]:
        """Categories; none for an item without a description."""
        return self._names.get(item_id, ())

    def slot(self, item_id: str) -> int:
        """The item's slot; an unknown one gets the next."""
        slot = self._slots.get(item_id)
        if slot is None:
            slot = self._slots[item_id] = self._slots_by_key[item_key(item_id)] = len(self._slots)
            if slot == len(self._ids):
                self._grow()
            self._ids[slot], self._indices[slot] = item_id, sparse_index(item_id)
            self._pairs.name(slot, sparse_index(item_id))
        return slot

    def without(self, keys: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Slots of all items but those with these keys."""
        wanted = np.ones(len(self), dtype=np.bool_)
        known = map(self._slots_by_key.get, keys.tolist())
        wanted[[slot for slot in known if slot is not None]] = False
        return np.flatnonzero(wanted)

    def prices(self, item_ids: Iterable[str]) -> list[float]:
        """Known prices among these items."""
        return [self._prices[item_id] for item_id in item_ids if item_id in self._prices]

    def price_column(self, slots: NDArray[np.intp]) -> Floats:
        """Prices of these slots, float64 (n,), 0 where unknown."""
        return np.array([self._prices.get(item_id, 0.0) for item_id in self._ids[slots]], dtype=np.float64)

    def candidates(
        self,
        slots: NDArray[np.intp],
        queries: Mapping[str, SparseVector],
        texts: Mapping[str, Vector | None],
        affinity: Mapping[str, float],
        width: int,
    ) -> tuple[NDArray[np.intp], dict[str, Floats]]:
        """The best `width` of every source among `slots`, each once, and their raw scores by source.

        `queries` and `texts` (float32 (dim,)) name the sources that use them; one that is None is left out.
        All slots are candidates when they are few, or the sources name fewer than `width`.
        """
        scores = self._plain_scores(slots, texts, affinity)
        if len(slots) > 2 * width:
            brought = {**scores, **self._listed(slots, queries)}
            chosen = np.zeros(len(slots), dtype=np.bool_)
            for source in (*queries, *texts, *_SEARCHED):
                if source in brought:
                    chosen[_best(brought[source], width)] = True
            positions = np.flatnonzero(chosen)
            if len(positions) >= width:
                slots, scores = slots[positions], {source: found[positions] for source, found in scores.items()}
        return slots, {**scores, **self._pair_scores(slots, queries)}

    def scores(
        self,
        slots: NDArray[np.intp],
        queries: Mapping[str, SparseVector],
        texts: Mapping[str, Vector | None],
        affinity: Mapping[str, float],
    ) -> dict[str, Floats]:
        """Raw scores of the items in `slots` (n,) by source, float64 (n,) each; arguments as of `candidates`."""
        return {**self._plain_scores(slots, texts, affinity), **self._pair_scores(slots, queries)}

    def vectors(self, slots: NDArray[np.intp]) -> NDArray[np.float32]:
        """Text vectors of these slots, float32 (n, dim); zeros where there is none."""
        return self._text[slots]

    def rows(self, item_id: str, queries: Mapping[str, HistoryQuery]) -> dict[str, SparseVector]:
        """What stands behind an item's scores by source: its counts with each item that the source's query names."""
        found = {}
        slots = np.array([self._slots[item_id]])
        for source, query in queries.items():
            if source == REVERSED:
                amounts = self._followed(slots, query)[:, 0]
            else:
                column, unit = _COLUMNS[source], _UNITS[source]
                amounts = self._pairs.counts(slots, query.vector.indices)[0, :, column] / unit
            found[source] = SparseVector(query.vector.indices, amounts.astype(np.float32))
        return found

    def followed(self, slots: NDArray[np.intp], query: HistoryQuery) -> Floats:
        """How often the history's items came after each of `slots`, float64 (n,): transitions read backwards."""
        self._take_over()
        return query.vector.values.astype(np.float64) @ self._followed(slots, query)

    def _followed(self, slots: NDArray[np.intp], query: HistoryQuery) -> Floats:
        """Transitions from each of `slots` to each item of the history, float64 (history, n)."""
        past = np.array([self.slot(query.item_ids[index]) for index in query.vector.indices.tolist()], dtype=np.intp)
        return self._pairs.counts(past, self._indices[slots])[:, :, 0] / TRANSITION_UNIT

    def _plain_scores(
        self, slots: NDArray[np.intp], texts: Mapping[str, Vector | None], affinity: Mapping[str, float]
    ) -> dict[str, Floats]:
        """Scores of everything but what came after what."""
        self._take_over()
        wanted = SparseVector.of({sparse_index(name): share for name, share in affinity.items()})
        liking = self._categories.scores(wanted, len(self)).astype(np.float64)
        found = popularity_scores(self._popularity[:, slots].T, liking[slots], self._counts[slots])
        for source, text in texts.items():
            if text is not None:
                near = self._text[: len(self)] @ self._rarity.turn(text)
                found[source] = near[slots].astype(np.float64)
        return found

    def _listed(self, slots: NDArray[np.intp], queries: Mapping[str, SparseVector]) -> dict[str, Floats]:
        """What the lists of the items asked about say of `slots`: enough to choose by, not to score by."""
        keys, weights = _by_key(queries)
        found, sums = self._pairs.successors(keys, weights)
        dense = np.zeros((len(self), 2))
        dense[found] = sums
        return {source: dense[slots, _COLUMNS[source]] for source in queries}

    def _pair_scores(self, slots: NDArray[np.intp], queries: Mapping[str, SparseVector]) -> dict[str, Floats]:
        """Exact scores of what came after what, by the rows of `slots`."""
        self._take_over()
        keys, weights = _by_key(queries)
        scores = np.einsum("nkc,kc->nc", self._pairs.counts(slots, keys), weights)
        return {source: scores[:, _COLUMNS[source]] for source in queries}

    def _take_over(self) -> None:
        for slot, item in self._changed.items():
            self._popularity[:, slot] = item.popularity_scores()
            self._counts[slot] = item.count
        self._changed.clear()
        if self._unlearned:
            self._pairs.learn(*zip(*self._unlearned, strict=True))
            self._unlearned = []

    def _grow(self) -> None:
        self._ids = np.concatenate([self._ids, np.empty_like(self._ids)])
        self._indices = np.concatenate([self._indices, np.zeros_like(self._indices)])
        self._popularity = np.concatenate([self._popularity, np.zeros_like(self._popularity)], axis=1)
        self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        self._text = np.concatenate([self._text, np.zeros_like(self._text)])


def _by_key(queries: Mapping[str, SparseVector]) -> tuple[Indices, Floats]:
    """The items that any query asks about, uint32 (k,), and what each query asks by, float64 (k, 2)."""
    keys = np.unique(np.concatenate([np.zeros(0, dtype=np.uint32), *(query.indices for query in queries.values())]))
    weights = np.zeros((len(keys), 2))
    for source, query in queries.items():
        weights[np.searchsorted(keys, query.indices), _COLUMNS[source]] = query.values / _UNITS[source]
    return keys, weights


def _best(scores: Floats, width: int) -> NDArray[np.intp]:
    positions = np.flatnonzero(scores > 0.0)
    if len(positions) > width:
        positive = scores[positions]
        positions = positions[np.argpartition(positive, len(positive) - width)[len(positive) - width :]]
    return positions
