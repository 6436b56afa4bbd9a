"""A user's recent events in the order in which they happened, whatever the order in which they came."""

import struct
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evidence import WINDOW
from models.ids import sparse_index
from models.packing import Reader, column_bytes, contains

BOUND = 200
"""Events kept: sources look at the last 20; the rest lets late events and duplicates find their place."""

_SIZES = struct.Struct("<HI")


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event; `waiting` while its item's vector is unknown and its share of the taste is owed.

    `bought`: paid for, or put into the cart.
    """

    item_id: str
    time_ms: int
    origin: tuple[int, int]
    weight: float
    event_hash: int = 0
    waiting: bool = False
    bought: bool = False


class History:
    """At most 200 events ordered by (time, origin): the newest 200, whatever the order of arrival.

    A late event is inserted at its place, items of one record stay in the record's order, and an event older
    than a full history is not kept. Columns rather than objects: 40 bytes an event, and packing copies them
    as they are.

    >>> history = History()
    >>> for item, time_ms in (("a", 10), ("c", 30), ("b", 20)):
    ...     _ = history.insert(HistoryEntry(item, time_ms, (0, time_ms), 1.0))
    >>> history.item_ids
    ['a', 'b', 'c']
    """

    __slots__ = (
        "bought",
        "event_hashes",
        "id_sizes",
        "indices",
        "item_ids",
        "offsets",
        "partitions",
        "times_ms",
        "waiting",
        "weights",
    )

    def __init__(self) -> None:
        self.item_ids: list[str] = []
        self.id_sizes: array[int] = array("H")
        self.indices: array[int] = array("I")
        self.times_ms: array[int] = array("q")
        self.partitions: array[int] = array("I")
        self.offsets: array[int] = array("q")
        self.weights: array[float] = array("f")
        self.event_hashes: array[int] = array("Q")
        self.waiting: array[int] = array("B")
        self.bought: array[int] = array("B")

    def __len__(self) -> int:
        return len(self.item_ids)

    def insert(self, entry: HistoryEntry) -> int | None:
        """Put an event in its place and return that place; None when it is older than a full history.

        O(log n) to find, O(n) bytes to move. The oldest event leaves when the bound is passed.
        """
        place = self._place(entry)
        full = len(self) >= BOUND
        if full and place == 0:
            return None
        partition, offset = entry.origin
        self.item_ids.insert(place, entry.item_id)
        self.id_sizes.insert(place, len(entry.item_id))
        self.indices.insert(place, sparse_index(entry.item_id))
        self.times_ms.insert(place, entry.time_ms)
        self.partitions.insert(place, partition)
        self.offsets.insert(place, offset)
        self.weights.insert(place, entry.weight)
        self.event_hashes.insert(place, entry.event_hash)
        self.waiting.insert(place, entry.waiting)
        self.bought.insert(place, entry.bought)
        if not full:
            return place
        self._drop_oldest()
        return place - 1

    def holds(self, event_hash: int) -> bool:
        """Whether an event with this hash (never 0) is among those kept."""
        return contains(self.event_hashes, event_hash)

    def holds_origin(self, origin: tuple[int, int]) -> bool:
        """Whether an event of the record at this (partition, offset) is among those kept; O(n)."""
        return origin in zip(self.partitions, self.offsets, strict=True)

    def predecessors(self, place: int, window: int = WINDOW) -> NDArray[np.uint32]:
        """Sparse indices of the distinct items before `place`, nearest first, at most `window` events back.

        Looks back to the last touch of the same item only: view, click and purchase of one item tell once
        what led to it.
        """
        nearest = self.indices[max(0, place - window) : place]
        nearest.reverse()
        own = self.indices[place]
        if own in nearest:
            nearest = nearest[: nearest.index(own)]
        return np.array(array("I", dict.fromkeys(nearest)), dtype=np.uint32)

    def bought_with(self, place: int) -> NDArray[np.uint32] | None:
        """Sparse indices of the other items bought, newest first, at most 50; None if this one was not, or was before.

        What came after `place` counts like what came before: a late event changes no pair.
        """
        if not self.bought[place]:
            return None
        bought = [self.indices[at] for at in range(len(self) - 1, -1, -1) if self.bought[at]]
        own = self.indices[place]
        if bought.count(own) > 1:
            return None
        return np.array([index for index in dict.fromkeys(bought) if index != own][:WINDOW], dtype=np.uint32)

    def recent(self, count: int) -> list[tuple[str, float]]:
        """The last `count` distinct items as (item_id, weight of the newest event on it), newest first."""
        found: dict[str, float] = {}
        for place in range(len(self) - 1, -1, -1):
            if len(found) == count:
                break
            found.setdefault(self.item_ids[place], self.weights[place])
        return list(found.items())

    def pack(self) -> bytes:
        """Columns one after the other, little-endian."""
        text = "".join(self.item_ids).encode()
        columns = (
            self.id_sizes,
            self.times_ms,
            self.partitions,
            self.offsets,
            self.event_hashes,
            self.waiting,
            self.bought,
        )
        return b"".join(
            (
                _SIZES.pack(len(self), len(text)),
                text,
                *map(column_bytes, columns),
                column_bytes(self.weights),
                column_bytes(self.indices),
            )
        )

    @classmethod
    def read(cls, reader: Reader) -> "History":
        """Read `pack`'s bytes; raises ValueError on torn ones."""
        count, text_size = map(int, reader.fields(_SIZES))
        history = cls()
        text = reader.text(text_size)
        history.id_sizes = reader.ints("H", count)
        history.times_ms = reader.ints("q", count)
        history.partitions = reader.ints("I", count)
        history.offsets = reader.ints("q", count)
        history.event_hashes = reader.ints("Q", count)
        history.waiting = reader.ints("B", count)
        history.bought = reader.ints("B", count)
        history.weights = reader.floats("f", count)
        history.indices = reader.ints("I", count)
        history.item_ids = _split(text, history.id_sizes)
        return history

    def _place(self, entry: HistoryEntry) -> int:
        low = bisect_left(self.times_ms, entry.time_ms)
        high = bisect_right(self.times_ms, entry.time_ms, lo=low)
        while low < high and (self.partitions[low], self.offsets[low]) <= entry.origin:
            low += 1
        return low

    def _drop_oldest(self) -> None:
        del self.item_ids[0], self.id_sizes[0], self.indices[0], self.times_ms[0], self.partitions[0]
        del self.offsets[0], self.weights[0], self.event_hashes[0], self.waiting[0], self.bought[0]


def _split(text: str, sizes: "array[int]") -> list[str]:
    found: list[str] = []
    at = 0
    for size in sizes:
        found.append(text[at : at + size])
        at += size
    if at != len(text):
        raise ValueError(f"packed history: ids take {at} characters, text has {len(text)}; torn row?")
    return found
