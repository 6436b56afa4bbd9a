"""What one interaction tells about one item: the only message between user state and item state."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.packing import Reader, head

WINDOW = 50
"""Predecessors an event tells about: what lies further back predicts little and costs bytes."""

_KIND, _VERSION = b"E", 1
_FIXED = struct.Struct("<IqqqfBHB")


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One interaction, seen from the item it touched.

    `predecessors` are uint32 (≤ 50,) sparse indices of the user's distinct previous items, nearest first;
    `first` is false when the user had touched the item before; `clock` counts events.
    A receiver drops evidence at or below its watermark of `origin`'s partition.
    """

    item_id: str
    origin: tuple[int, int]
    clock: int
    time_ms: int
    weight: float
    first: bool
    predecessors: NDArray[np.uint32]

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: 38 + length of the id + 4 a predecessor.

        >>> row = Evidence("b", (0, 7), 56, 1_000, 1.0, True, np.array([3, 1], dtype=np.uint32))
        >>> len(row.pack()), Evidence.unpack(row.pack()).origin
        (47, (0, 7))
        """
        item = self.item_id.encode()
        partition, offset = self.origin
        fixed = _FIXED.pack(
            partition,
            offset,
            self.clock,
            self.time_ms,
            self.weight,
            self.first,
            len(item),
            len(self.predecessors),
        )
        return b"".join((head(_KIND, _VERSION), fixed, item, self.predecessors.astype("<u4", copy=False).tobytes()))

    @classmethod
    def unpack(cls, data: bytes) -> "Evidence":
        """Read `pack`'s bytes; raises ValueError on torn or alien ones."""
        reader = Reader(data, _KIND, _VERSION)
        partition, offset, clock, time_ms, weight, first, id_size, count = reader.fields(_FIXED)
        item_id = reader.text(int(id_size))
        predecessors = np.frombuffer(reader.raw(4 * int(count)), dtype="<u4").astype(np.uint32, copy=False)
        reader.end()
        return cls(
            item_id=item_id,
            origin=(int(partition), int(offset)),
            clock=int(clock),
            time_ms=int(time_ms),
            weight=float(weight),
            first=bool(first),
            predecessors=predecessors,
        )
