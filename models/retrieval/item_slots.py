"""Numbers of items: each has a slot, its place in every column of the item table."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import item_key

Slots = NDArray[np.intp]

_FIRST_SLOTS = 1_024
_INDEX = 0xFFFFFFFF


class ItemSlots:
    """Item ids by slot and slots by id; a slot that was released is given out again.

    Slots say nothing about items: two processes number the same items differently. Whatever decides among equals goes
    by `keys`. Memory: 150 bytes an item and its id.

    >>> slots = ItemSlots()
    >>> slots.take("a"), slots.take("b"), slots.take("a"), slots.find("c")
    (0, 1, 0, None)
    """

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}
        self._by_key: dict[int, int] = {}
        self._free: list[int] = []
        self._end = 0
        self._ids: NDArray[np.object_] = np.empty(_FIRST_SLOTS, dtype=object)
        self._keys: NDArray[np.uint64] = np.zeros(_FIRST_SLOTS, dtype=np.uint64)

    def __len__(self) -> int:
        """One more than the largest slot given out: the length of every column."""
        return self._end

    @property
    def ids(self) -> NDArray[np.object_]:
        """Ids by slot, object (n,); None where a slot is free."""
        return self._ids[: self._end]

    @property
    def keys(self) -> NDArray[np.uint64]:
        """`item_key` by slot, uint64 (n,)."""
        return self._keys[: self._end]

    @property
    def indices(self) -> NDArray[np.uint32]:
        """`sparse_index` by slot, uint32 (n,)."""
        return self.keys_as_indices(np.arange(self._end))

    def keys_as_indices(self, slots: Slots) -> NDArray[np.uint32]:
        """`sparse_index` of the items at `slots`, uint32 (n,)."""
        return (self._keys[slots] & np.uint64(_INDEX)).astype(np.uint32)

    def find(self, item_id: str) -> int | None:
        """The item's slot, None if it has none."""
        return self._slots.get(item_id)

    def found(self, item_ids: Iterable[str]) -> Slots:
        """Slots of those items that have one, in their order."""
        slots = map(self._slots.get, item_ids)
        return np.array([slot for slot in slots if slot is not None], dtype=np.intp)

    def found_by_key(self, keys: Sequence[int]) -> Slots:
        """The same for items named by their keys."""
        slots = map(self._by_key.get, keys)
        return np.array([slot for slot in slots if slot is not None], dtype=np.intp)

    def take(self, item_id: str) -> int:
        """The item's slot; an unknown one gets a free one."""
        slot = self._slots.get(item_id)
        if slot is not None:
            return slot
        slot = self._free.pop() if self._free else self._end
        if slot == len(self._ids):
            self._ids = np.concatenate([self._ids, np.empty_like(self._ids)])
            self._keys = np.concatenate([self._keys, np.zeros_like(self._keys)])
        self._end = max(self._end, slot + 1)
        key = item_key(item_id)
        self._slots[item_id] = self._by_key[key] = slot
        self._ids[slot], self._keys[slot] = item_id, key
        return slot

    def release(self, slot: int) -> None:
        """Nothing is known of the slot's item any more."""
        del self._slots[self._ids[slot]]
        self._by_key.pop(int(self._keys[slot]), None)
        self._ids[slot] = None
        self._free.append(slot)
