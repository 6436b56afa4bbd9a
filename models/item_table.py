"""All items side by side in memory: what the index holds for the stream, scored exactly and at once."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.ids import Indices, item_key, sparse_index
from models.item_state import HALF_LIVES, ItemState
from models.sources import CATEGORY, COOCCURRENCE, POPULARITY, REACH, TRANSITIONS, TRENDING, popularity_scores
from models.sparse import SparseVector
from models.sparse_rows import SparseRows
from models.text import Rarity, Vector

Floats = NDArray[np.float64]

_FIRST_SLOTS = 1_024
_SEARCHED = (TRENDING, POPULARITY, REACH, CATEGORY)
"""Kinds of popularity that bring candidates of their own; what else is known of an item only helps to rank it."""


class ItemTable:
    """Rows, popularity, text and categories of items by slot; an item unknown to the catalogue has no text.

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
        self._sparse = {TRANSITIONS: SparseRows(), COOCCURRENCE: SparseRows()}
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
        """Take an item of the catalogue, or its new description."""
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

    def update(self, item_id: str, item: ItemState) -> None:
        """Note that an item's state changed: its rows are taken over when somebody asks, once for many changes."""
        self._changed[self.slot(item_id)] = item

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

    def index_column(self, slots: NDArray[np.intp]) -> Indices:
        """`sparse_index` of these slots, uint32 (n,)."""
        return self._indices[slots]

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
        scores = self.scores(slots, queries, texts, affinity)
        if len(slots) <= 2 * width:
            return slots, scores
        chosen = np.zeros(len(slots), dtype=np.bool_)
        for source in (*queries, *texts, *_SEARCHED):
            if source in scores:
                chosen[_best(scores[source], width)] = True
        places = np.flatnonzero(chosen)
        if len(places) < width:
            return slots, scores
        return slots[places], {source: found[places] for source, found in scores.items()}

    def scores(
        self,
        slots: NDArray[np.intp],
        queries: Mapping[str, SparseVector],
        texts: Mapping[str, Vector | None],
        affinity: Mapping[str, float],
    ) -> dict[str, Floats]:
        """Raw scores of the items in `slots` (n,) by source, float64 (n,) each; arguments as of `candidates`."""
        self._take_over()
        wanted = SparseVector.of({sparse_index(name): share for name, share in affinity.items()})
        found = popularity_scores(
            self._popularity[:, slots].T, self._asked(self._categories, wanted)[slots], self._counts[slots]
        )
        for source, query in queries.items():
            found[source] = self._asked(self._sparse[source], query)[slots]
        for source, text in texts.items():
            if text is not None:
                near = self._text[: len(self)] @ self._rarity.turn(text)
                found[source] = near[slots].astype(np.float64)
        return found

    def vectors(self, slots: NDArray[np.intp]) -> NDArray[np.float32]:
        """Text vectors of these slots, float32 (n, dim); zeros where there is none."""
        return self._text[slots]

    def rows(self, item_id: str) -> dict[str, SparseVector]:
        """Rows of counts of a known item by source; a source without one is left out."""
        self._take_over()
        slot = self._slots[item_id]
        found = {source: rows.get(slot) for source, rows in self._sparse.items()}
        return {source: row for source, row in found.items() if row is not None and len(row)}

    def _asked(self, rows: SparseRows, query: SparseVector) -> Floats:
        return rows.scores(query, len(self)).astype(np.float64)

    def _take_over(self) -> None:
        for slot, item in self._changed.items():
            self._sparse[TRANSITIONS].set(slot, item.transition_row())
            self._sparse[COOCCURRENCE].set(slot, item.cooccurrence_row())
            self._popularity[:, slot] = item.popularity_scores()
            self._counts[slot] = item.count
        self._changed.clear()

    def _grow(self) -> None:
        self._ids = np.concatenate([self._ids, np.empty_like(self._ids)])
        self._indices = np.concatenate([self._indices, np.zeros_like(self._indices)])
        self._popularity = np.concatenate([self._popularity, np.zeros_like(self._popularity)], axis=1)
        self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        self._text = np.concatenate([self._text, np.zeros_like(self._text)])


def _best(scores: Floats, width: int) -> NDArray[np.intp]:
    places = np.flatnonzero(scores > 0.0)
    if len(places) > width:
        positive = scores[places]
        places = places[np.argpartition(positive, len(positive) - width)[len(positive) - width :]]
    return places
