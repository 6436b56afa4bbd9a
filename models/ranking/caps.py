"""At most so many items of a category: the list goes on with the next best of another one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Caps:
    """`groups` intp (n,): number of each candidate's group; `most` intp (groups,): how many of it a list may hold."""

    groups: Ints
    most: Ints

    def room(self, taken: Iterable[int] = (), times: int = 1) -> Ints:
        """How many more of each group fit beside the candidates `taken`, intp (groups,); `times` the cap."""
        room = self.most * times
        for position in taken:
            room[self.groups[position]] -= 1
        return room

    def fitting(self, order: Sequence[int], limit: int, room: Ints) -> list[int]:
        """The first `limit` of `order` that fit into `room`, which shrinks; O(order).

        >>> caps = Caps(np.array([0, 0, 1]), most=np.array([1, 9]))
        >>> caps.fitting([0, 1, 2], limit=2, room=caps.room())
        [0, 2]
        """
        found: list[int] = []
        for position in order:
            if len(found) == limit:
                break
            if room[self.groups[position]] > 0:
                room[self.groups[position]] -= 1
                found.append(position)
        return found


def caps_of(categories: Sequence[str | None], most: dict[str, int], others: int | None) -> Caps:
    """Caps over candidates of these categories: `most` by category, `others` for each that it does not name.

    A candidate without a category has no cap.

    >>> caps = caps_of(["film", None, "song", "film"], {"film": 1}, others=3)
    >>> caps.groups.tolist(), caps.most.tolist()
    ([1, 0, 2, 1], [4, 1, 3])
    """
    free = len(categories)
    names = list(dict.fromkeys(name for name in categories if name is not None))
    number: dict[str | None, int] = {name: at for at, name in enumerate([None, *names])}
    bounds = [most.get(name, free if others is None else others) for name in names]
    return Caps(
        np.array([number[name] for name in categories], dtype=np.intp), np.array([free, *bounds], dtype=np.intp)
    )
