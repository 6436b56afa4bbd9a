"""One array that grows with the slots of items."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_FIRST_SLOTS = 1_024


class Column:
    """Values by slot, (n,) or with further dimensions; a slot that was never written holds `fill`.

    >>> column = Column(np.int32, fill=-1)
    >>> column.put(2, 7)
    >>> column.first(4).tolist()
    [-1, -1, 7, -1]
    """

    __slots__ = ("_fill", "_values")

    def __init__(self, dtype: Any, fill: Any = 0, shape: tuple[int, ...] = ()) -> None:
        self._fill = fill
        self._values: NDArray[Any] = np.full((_FIRST_SLOTS, *shape), fill, dtype=dtype)

    def put(self, slot: int, value: Any) -> None:
        """Write one slot's value."""
        if slot >= len(self._values):
            self._reach(slot + 1)
        self._values[slot] = value

    def first(self, count: int) -> NDArray[Any]:
        """A view of the first `count` values."""
        if count > len(self._values):
            self._reach(count)
        return self._values[:count]

    def clear(self, slot: int) -> None:
        """Forget one slot's value."""
        self.put(slot, self._fill)

    def _reach(self, count: int) -> None:
        size = len(self._values)
        while size < count:
            size *= 2
        longer = np.full((size, *self._values.shape[1:]), self._fill, dtype=self._values.dtype)
        longer[: len(self._values)] = self._values
        self._values = longer
