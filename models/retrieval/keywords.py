"""Values that items have of one field, several each: which items have a value is one pass over an array."""

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

_FIRST_ENTRIES = 1_024
_GONE = -1


class Keywords:
    """Codes of values by entry, and the slot of each; an item that changes leaves old entries behind until half are.

    Memory: 8 bytes a value of an item, 16 an item that has any.

    >>> tags = Keywords()
    >>> tags.put(0, ["crime", "noir"])
    >>> tags.put(2, ["crime"])
    >>> tags.having("crime", 3).tolist(), tags.having("unknown", 3).tolist()
    ([True, False, True], [False, False, False])
    """

    def __init__(self) -> None:
        self._codes_by_value: dict[Hashable, int] = {}
        self._codes = np.full(_FIRST_ENTRIES, _GONE, dtype=np.int32)
        self._owners = np.zeros(_FIRST_ENTRIES, dtype=np.int32)
        self._end = 0
        self._live = 0
        self._spans: dict[int, tuple[int, int]] = {}

    def put(self, slot: int, values: Iterable[Hashable]) -> None:
        """Have these be the item's values; none takes it out."""
        codes = [self._codes_by_value.setdefault(value, len(self._codes_by_value)) for value in values]
        self.clear(slot)
        if not codes:
            return
        end = self._end + len(codes)
        if end > len(self._codes):
            self._make_room(len(codes))
            end = self._end + len(codes)
        self._codes[self._end : end], self._owners[self._end : end] = codes, slot
        self._spans[slot] = (self._end, end)
        self._end, self._live = end, self._live + len(codes)

    def clear(self, slot: int) -> None:
        """The item has none of the values any more."""
        start, end = self._spans.pop(slot, (0, 0))
        self._codes[start:end] = _GONE
        self._live -= end - start

    def having(self, value: Hashable, count: int) -> NDArray[np.bool_]:
        """Which of the first `count` slots have this value, bool (count,); O(entries)."""
        found = np.zeros(count, dtype=np.bool_)
        code = self._codes_by_value.get(value)
        if code is not None:
            found[self._owners[: self._end][self._codes[: self._end] == code]] = True
        return found

    def _make_room(self, more: int) -> None:
        """Leave what is gone behind, and double the arrays if that is not enough."""
        kept = np.flatnonzero(self._codes[: self._end] != _GONE)
        size = len(self._codes)
        while 2 * (self._live + more) > size:
            size *= 2
        codes, owners = np.full(size, _GONE, dtype=np.int32), np.zeros(size, dtype=np.int32)
        codes[: len(kept)], owners[: len(kept)] = self._codes[kept], self._owners[kept]
        starts = np.searchsorted(kept, [start for start, _ in self._spans.values()])
        self._spans = {
            slot: (int(at), int(at) + end - start)
            for (slot, (start, end)), at in zip(self._spans.items(), starts, strict=True)
        }
        self._codes, self._owners, self._end = codes, owners, len(kept)
