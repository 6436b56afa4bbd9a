"""Lists of popular items are the same for everybody: made once a moment, not once a question."""

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.retrieval.best import best

Slots = NDArray[np.intp]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Name = tuple[int | str, str | None]
"""What a list is ordered by (`UseColumns.listed`), and its category; None: of all items."""

LENGTH = 200
"""Items of a list. Who may see too few of them is answered from all items."""

LITTLE_KNOWN_LISTS = 16
"""Lists of little-known items that take turns in being first: fewer, and the same items come for long."""

_TOP_BIT = 60

LISTS_BOUND = 1_024
"""Lists kept, 2 KB each: what they are ordered by times the categories that users like best."""


class PopularLists:
    """The most popular items as they were at a moment that the caller names: as long as it is the same, so are they."""

    def __init__(self, scores_of: Callable[[Name], Floats], keys: Callable[[], NDArray[np.uint64]]) -> None:
        """`scores_of`: float64 (items,) by slot, 0 for what is not in the list at all."""
        self._scores_of = scores_of
        self._keys = keys
        self._kept: OrderedDict[Name, tuple[object, Slots]] = OrderedDict()

    def first(self, name: Name, width: int, allowed: Mask, moment: object) -> Slots:
        """Slots of the first `width` of a list that are `allowed`, bool (items,), best first."""
        listed = self._list(name, moment)
        found = listed[allowed[listed]][:width]
        if len(found) < width and len(listed) == LENGTH:
            return best(np.where(allowed, self._scores_of(name), 0.0), self._keys(), width)
        return found

    def _list(self, name: Name, moment: object) -> Slots:
        known = self._kept.get(name)
        if known is not None and known[0] == moment:
            return known[1]
        listed = best(self._scores_of(name), self._keys(), LENGTH)
        self._kept[name] = (moment, listed)
        self._kept.move_to_end(name)
        if len(self._kept) > LISTS_BOUND:
            self._kept.popitem(last=False)
        return listed


def due(keys: NDArray[np.uint64], little_known: Mask, turn: int, width: int) -> Slots:
    """Slots of up to `width` of those little known, bool (items,): of another of 16 lists first at each `turn`.

    An item is in one of the lists by its key: so each gets its own turn. O(items).

    >>> keys = np.array([16, 33, 50], dtype=np.uint64)
    >>> [due(keys, np.ones(3, dtype=np.bool_), turn, width=1).tolist() for turn in (0, 15, 14)]
    [[2], [0], [1]]
    """
    slots = np.flatnonzero(little_known)
    count = np.uint64(LITTLE_KNOWN_LISTS)
    own = keys[slots]
    behind = count - np.uint64(1) - (own % count + np.uint64(turn % LITTLE_KNOWN_LISTS)) % count
    order = (behind << np.uint64(_TOP_BIT)) | (own // count)
    return slots if len(slots) <= width else slots[np.argpartition(order, width)[:width]]
