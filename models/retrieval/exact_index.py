"""Exact search over items with named dense and sparse vectors, held in numpy arrays."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.primitives.sparse import SparseVector
from models.retrieval.dense_rows import NO_MATCH, DenseRows
from models.retrieval.sparse_rows import SparseRows

Floats = NDArray[np.float32]
Scored = list[tuple[str, float]]


class ExactIndex:
    """Items by id; every search is exact, sorted by (−score, item id) and free of side effects.

    Dense scores are dot products: store and ask with unit vectors for the cosine. A sparse search returns
    positive scores only. Slots of removed items are used again, so the arrays grow to the largest number of
    items that were present at once.

    >>> index = ExactIndex(dense={"text": 2}, sparse=["transitions"])
    >>> for item_id, row in (("b", {1: 1.0}), ("a", {1: 1.0}), ("c", {1: 3.0, 2: 1.0})):
    ...     index.add(item_id)
    ...     index.put_sparse(item_id, "transitions", SparseVector.of(row))
    >>> index.search_sparse("transitions", SparseVector.of({1: 0.5}), limit=2)
    [('c', 1.5), ('a', 0.5)]
    >>> index.search_sparse("transitions", SparseVector.of({1: 0.5}), limit=2, excluded=["c"])
    [('a', 0.5), ('b', 0.5)]
    """

    def __init__(self, dense: Mapping[str, int], sparse: Iterable[str]) -> None:
        """Name the dense vectors with their dimension, and the sparse ones."""
        self._dense = {name: DenseRows(dim) for name, dim in dense.items()}
        self._sparse = {name: SparseRows() for name in sparse}
        self._slots: dict[str, int] = {}
        self._ids: list[str] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._slots

    def add(self, item_id: str) -> None:
        """Make the item known, without vectors; a known one stays as it is."""
        if item_id in self._slots:
            return
        if self._free:
            slot = self._free.pop()
            self._ids[slot] = item_id
        else:
            slot = len(self._ids)
            self._ids.append(item_id)
        self._slots[item_id] = slot

    def remove(self, item_id: str) -> None:
        """Forget the item and its vectors; an unknown one is no error."""
        slot = self._slots.pop(item_id, None)
        if slot is None:
            return
        for dense in self._dense.values():
            dense.clear(slot)
        for sparse in self._sparse.values():
            sparse.clear(slot)
        self._free.append(slot)

    def put_dense(self, item_id: str, name: str, vector: Floats) -> None:
        """Set one dense vector, float32 (dim,), of a known item; KeyError otherwise."""
        self._dense[name].set(self._slots[item_id], vector)

    def put_sparse(self, item_id: str, name: str, vector: SparseVector) -> None:
        """Set one sparse row of a known item; KeyError otherwise."""
        self._sparse[name].set(self._slots[item_id], vector)

    def dense(self, item_id: str, name: str) -> Floats | None:
        """Return a copy of one dense vector; None if the item is unknown or has none."""
        slot = self._slots.get(item_id)
        return None if slot is None else self._dense[name].get(slot)

    def sparse(self, item_id: str, name: str) -> SparseVector | None:
        """Return a copy of one sparse row; None if the item is unknown or has none."""
        slot = self._slots.get(item_id)
        return None if slot is None else self._sparse[name].get(slot)

    def search_dense(
        self,
        name: str,
        query: Floats,
        limit: int,
        excluded: Iterable[str] = (),
        allowed: Callable[[str], bool] | None = None,
    ) -> Scored:
        """Best `limit` items that have the vector, by dot product with `query`, float32 (dim,)."""
        scores = self._dense[name].scores(query, len(self._ids))
        return self._best(scores, limit, excluded, allowed)

    def search_sparse(
        self,
        name: str,
        query: SparseVector,
        limit: int,
        excluded: Iterable[str] = (),
        allowed: Callable[[str], bool] | None = None,
    ) -> Scored:
        """Best `limit` items by a positive sparse dot product with `query`."""
        scores = self._sparse[name].scores(query, len(self._ids))
        scores[scores <= 0.0] = NO_MATCH
        return self._best(scores, limit, excluded, allowed)

    def _best(
        self, scores: Floats, limit: int, excluded: Iterable[str], allowed: Callable[[str], bool] | None
    ) -> Scored:
        unwanted = [slot for slot in map(self._slots.get, excluded) if slot is not None]
        scores[unwanted] = NO_MATCH
        slots = np.flatnonzero(scores > NO_MATCH)
        if allowed is not None:
            slots = self._walk(slots, scores, limit, allowed)
        if len(slots) > limit:
            found = scores[slots]
            cut = np.partition(found, len(found) - limit)[len(found) - limit]
            slots = slots[found >= cut]  # all that tie at the cut stay, so that the id decides
        ranked = sorted(zip((-scores[slots]).tolist(), map(self._ids.__getitem__, slots.tolist()), strict=True))
        return [(item_id, -negated) for negated, item_id in ranked[:limit]]

    def _walk(
        self, slots: NDArray[np.int64], scores: Floats, limit: int, allowed: Callable[[str], bool]
    ) -> NDArray[np.int64]:
        # Best first, so that a common property costs about `limit` questions and only a rare one asks them all.
        kept: list[int] = []
        for slot in slots[np.argsort(-scores[slots])].tolist():
            if len(kept) >= limit and scores[slot] < scores[kept[limit - 1]]:
                break
            if allowed(self._ids[slot]):
                kept.append(slot)
        return np.array(kept, dtype=np.int64)
