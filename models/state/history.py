"""A user's recent events in the order in which they happened, whatever the order in which they came."""

import math
import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import sparse_index
from models.primitives.packing import Column, Reader, columns_bytes, contains, texts_bytes
from models.state.evidence import WINDOW

FIRST, BOUGHT = 1, 2
"""Flags of an event: the user had not touched the item before; it was paid for, or put into the cart."""

GUESTS = 128
"""Groups from here on are events of merged guests, see `HistoryEntry`."""

BOUND = 200
"""Events kept: sources read the last 20; the rest lets late events and duplicates find their place."""

NO_STARS = math.nan

_COUNT = struct.Struct("<H")


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event; `origin` is where its record entered the stream, `stars` NaN where none were given.

    `group` says who knew what when it was learned: the number of guests merged into the history before, and of an
    event of the n-th of these guests 128 + n.
    """

    item_id: str
    time_ms: int
    origin: tuple[int, int]
    weight: float
    event_hash: int = 0
    flags: int = 0
    stars: float = NO_STARS
    group: int = 0


class History:
    """At most 200 events ordered by (time, origin): the newest 200, whatever the order of arrival.

    A late event is inserted at its place, items of one record stay in the record's order, and an event older
    than a full history is not kept. Columns rather than objects: at most 42 bytes and an id an event; packed, a
    column that says the same of all events takes the bytes of one.

    >>> history = History()
    >>> for item, time_ms in (("a", 10), ("c", 30), ("b", 20)):
    ...     _ = history.insert(HistoryEntry(item, time_ms, (0, time_ms), 1.0))
    >>> history.item_ids
    ['a', 'b', 'c']
    """

    __slots__ = (
        "event_hashes",
        "flags",
        "groups",
        "indices",
        "item_ids",
        "offsets",
        "partitions",
        "stars",
        "times_ms",
        "weights",
    )

    def __init__(self) -> None:
        self.item_ids: list[str] = []
        self.indices: array[int] = array("I")
        self.times_ms: array[int] = array("q")
        self.partitions: array[int] = array("I")
        self.offsets: array[int] = array("q")
        self.weights: array[float] = array("f")
        self.event_hashes: array[int] = array("Q")
        self.flags: array[int] = array("B")
        self.groups: array[int] = array("B")
        self.stars: array[float] = array("f")

    def __len__(self) -> int:
        return len(self.item_ids)

    def insert(self, entry: HistoryEntry) -> int | None:
        """Put an event in its place and return that place; None when it is older than a full history.

        O(log n) to find, O(n) bytes to move. The oldest event leaves when the bound is passed.
        """
        position = self._position(entry)
        full = len(self) >= BOUND
        if full and position == 0:
            return None
        partition, offset = entry.origin
        self.item_ids.insert(position, entry.item_id)
        self.indices.insert(position, sparse_index(entry.item_id))
        self.times_ms.insert(position, entry.time_ms)
        self.partitions.insert(position, partition)
        self.offsets.insert(position, offset)
        self.weights.insert(position, entry.weight)
        self.event_hashes.insert(position, entry.event_hash)
        self.flags.insert(position, entry.flags)
        self.groups.insert(position, entry.group)
        self.stars.insert(position, entry.stars)
        if not full:
            return position
        self.drop(1)
        return position - 1

    def entries(self) -> Iterator[HistoryEntry]:
        """All events, oldest first."""
        for position in range(len(self)):
            yield HistoryEntry(
                self.item_ids[position],
                self.times_ms[position],
                (self.partitions[position], self.offsets[position]),
                self.weights[position],
                self.event_hashes[position],
                self.flags[position],
                self.stars[position],
                self.groups[position],
            )

    def until(self, time_ms: int) -> int:
        """How many events happened at this time or before: the oldest ones."""
        return bisect_right(self.times_ms, time_ms)

    def take_out(self, item_id: str) -> list[HistoryEntry]:
        """Forget the events on one item; they come back as they were, oldest first."""
        taken = [entry for entry in self.entries() if entry.item_id == item_id]
        for position in [position for position in range(len(self) - 1, -1, -1) if self.item_ids[position] == item_id]:
            del self.item_ids[position]
            for column in self._columns():
                del column[position]
        return taken

    def drop(self, count: int) -> None:
        """Forget the oldest events."""
        del self.item_ids[:count]
        for column in self._columns():
            del column[:count]

    def holds(self, event_hash: int) -> bool:
        """Whether an event with this hash (never 0) is among those kept."""
        return contains(self.event_hashes, event_hash)

    def holds_origin(self, origin: tuple[int, int]) -> bool:
        """Whether an event of the record at this (partition, offset) is among those kept; O(n)."""
        return origin in zip(self.partitions, self.offsets, strict=True)

    def predecessors(self, position: int, window: int = WINDOW) -> NDArray[np.uint32]:
        """Sparse indices of the distinct items before `position`, nearest first, at most `window` events back.

        Looks back to the last touch of the same item only: view, click and purchase of one item count once
        what led to it.
        """
        nearest = self.indices[max(0, position - window) : position]
        nearest.reverse()
        own = self.indices[position]
        if own in nearest:
            nearest = nearest[: nearest.index(own)]
        return np.array(array("I", dict.fromkeys(nearest)), dtype=np.uint32)

    def bought_with(self, position: int) -> NDArray[np.uint32] | None:
        """Sparse indices of the other items bought, newest first, at most 50; None if this one was not, or was before.

        What came after `position` counts like what came before: a late event changes no pair.
        """
        if not self.flags[position] & BOUGHT:
            return None
        bought = [self.indices[at] for at in range(len(self) - 1, -1, -1) if self.flags[at] & BOUGHT]
        own = self.indices[position]
        if bought.count(own) > 1:
            return None
        return np.array([index for index in dict.fromkeys(bought) if index != own][:WINDOW], dtype=np.uint32)

    def recent(self, count: int) -> list[tuple[str, float]]:
        """The last `count` distinct items as (item_id, weight of the newest event on it), newest first."""
        found: dict[str, float] = {}
        for position in range(len(self) - 1, -1, -1):
            if len(found) == count:
                break
            found.setdefault(self.item_ids[position], self.weights[position])
        return list(found.items())

    def pack(self) -> bytes:
        """Count, ids, then columns one after the other, little-endian."""
        return b"".join((_COUNT.pack(len(self)), texts_bytes(self.item_ids), columns_bytes(self._columns())))

    @classmethod
    def read(cls, reader: Reader) -> "History":
        """Read `pack`'s bytes; raises ValueError on truncated ones."""
        (count,) = map(int, reader.fields(_COUNT))
        history = cls()
        history.item_ids = reader.texts(count)
        reader.fill(history._columns(), count)
        return history

    def _columns(self) -> tuple[Column, ...]:
        """All columns but the ids, in the order in which they are packed."""
        return (
            self.times_ms,
            self.partitions,
            self.offsets,
            self.event_hashes,
            self.flags,
            self.groups,
            self.stars,
            self.weights,
            self.indices,
        )

    def _position(self, entry: HistoryEntry) -> int:
        low = bisect_left(self.times_ms, entry.time_ms)
        high = bisect_right(self.times_ms, entry.time_ms, lo=low)
        while low < high and (self.partitions[low], self.offsets[low]) <= entry.origin:
            low += 1
        return low
