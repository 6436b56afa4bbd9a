"""Embeddings of items in use, side by side in one matrix, so that asking and folding rarely need the index."""

import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.index.port import Lookup
from workers.items.points import EMBEDDING

Vector = NDArray[np.float32]

# Embeddings kept, 1 KiB each at 256 dimensions: the items that users of a busy hour touch.
CAPACITY = 20_000
# Seconds that a copy is used where other workers write to the index as well: they don't say what they change.
SHARED_KEPT_S = 60.0


class ItemVectors:
    """Copies of the index's embeddings; past the capacity the oldest copy gives way."""

    def __init__(
        self,
        index: Lookup,
        dim: int,
        capacity: int = CAPACITY,
        on_evict: Callable[[], None] = lambda: None,
        kept_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A copy is used for `kept_s` seconds, or until `forget`."""
        self._on_evict = on_evict
        self._index = index
        self._matrix = np.zeros((capacity, dim), dtype=np.float32)
        self._slots: dict[str, int] = {}
        self._free = list(range(capacity - 1, -1, -1))
        self._changes = 0
        self._kept_s = kept_s
        self._clock = clock
        self._copied_at = np.zeros(capacity)

    async def of(self, item_ids: Iterable[str], index: Lookup | None = None) -> dict[str, Vector]:
        """float32 (dim,) of unit length, of every item that has one; copies are made from `index` if it is given."""
        item_ids = list(dict.fromkeys(item_ids))
        held = self.held(item_ids)
        return held | await self._fetch([item_id for item_id in item_ids if item_id not in held], index)

    def held(self, item_ids: Iterable[str]) -> dict[str, Vector]:
        """What is at hand of them, without asking the index."""
        oldest = self._oldest()
        return {
            item_id: self._matrix[slot].copy()
            for item_id in item_ids
            if (slot := self._slots.get(item_id)) is not None and self._copied_at[slot] >= oldest
        }

    async def matrix(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """float32 (n, dim), a row an item: of unit length, or zeros for one without an embedding."""
        slots = np.array([self._slots.get(item_id, -1) for item_id in item_ids], dtype=np.intp)
        if self._kept_s is not None:
            slots[self._copied_at[slots] < self._oldest()] = -1
        rows = self._matrix[slots]
        rows[slots < 0] = 0.0
        missing = np.flatnonzero(slots < 0).tolist()
        fetched = await self._fetch([item_ids[position] for position in missing])
        for position in missing:
            if (vector := fetched.get(item_ids[position])) is not None:
                rows[position] = vector
        return rows

    def forget(self, item_id: str) -> None:
        """The item has changed in the index, or gone."""
        self._changes += 1
        self._drop(item_id)

    async def _fetch(self, item_ids: Sequence[str], index: Lookup | None = None) -> dict[str, Vector]:
        """Embeddings from the index; they are kept unless one may have changed since it was read."""
        if not item_ids:
            return {}
        changes = self._changes
        records = await (index or self._index).get(item_ids, payload=False, vectors=(EMBEDDING,))
        found = {
            item_id: vector
            for item_id, record in records.items()
            if isinstance(vector := (record.vectors or {}).get(EMBEDDING), np.ndarray)
        }
        if changes == self._changes:
            for item_id, vector in found.items():
                self._keep(item_id, vector)
        return found

    def _keep(self, item_id: str, vector: Vector) -> None:
        self._drop(item_id)
        if not self._free:
            self._drop(next(iter(self._slots)))
            self._on_evict()
        slot = self._slots[item_id] = self._free.pop()
        self._matrix[slot] = vector
        if self._kept_s is not None:
            self._copied_at[slot] = self._clock()

    def _oldest(self) -> float:
        return 0.0 if self._kept_s is None else self._clock() - self._kept_s

    def _drop(self, item_id: str) -> None:
        slot = self._slots.pop(item_id, None)
        if slot is not None:
            self._free.append(slot)
