"""What one interaction says about one item: the only message between user state and item state."""

import math
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.primitives.packing import Reader, head

WINDOW = 50
"""Predecessors that an event names: what lies further back predicts little and costs bytes."""

MAX_RATING = 1e6
"""Stars of one event; far more would overflow their sum."""

_KIND, _VERSION = b"E", 3
_FIXED = struct.Struct("<IqqqffBHBB")
_FIRST, _BOUGHT = 1, 2

_RETRACTION_KIND, _RETRACTION_VERSION = b"T", 1
_RETRACTION = struct.Struct("<IqHI")
_SIZE = struct.Struct("<I")

NOTHING: NDArray[np.uint32] = np.zeros(0, dtype=np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One interaction, seen from the item it touched.

    `predecessors` are uint32 (≤ 50,) sparse indices of the user's distinct previous items, nearest first;
    `first` is false when the user had touched the item before; `clock` counts events; `rating`: stars, None where
    none were given. `bought`: it went to the cart or was paid for, for the first time in the user's history;
    `bought_with`, uint32 (≤ 50,): the other items of that history that were, newest first. Each pair of items is
    sent once a user, to the item that came second: order has no meaning here, so a query adds both rows up.
    A receiver drops evidence at or below its watermark of `origin`'s partition.
    """

    item_id: str
    origin: tuple[int, int]
    clock: int
    time_ms: int
    weight: float
    first: bool
    predecessors: NDArray[np.uint32]
    bought: bool = False
    rating: float | None = None
    bought_with: NDArray[np.uint32] = field(default_factory=lambda: NOTHING)

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: 43 + length of the id + 4 a predecessor or item bought.

        >>> row = Evidence("b", (0, 7), 56, 1_000, 1.0, True, np.array([3, 1], dtype=np.uint32))
        >>> len(row.pack()), Evidence.unpack(row.pack()).origin
        (52, (0, 7))
        """
        item = self.item_id.encode()
        partition, offset = self.origin
        fixed = _FIXED.pack(
            partition,
            offset,
            self.clock,
            self.time_ms,
            self.weight,
            math.nan if self.rating is None else self.rating,
            self.first * _FIRST | self.bought * _BOUGHT,
            len(item),
            len(self.predecessors),
            len(self.bought_with),
        )
        return b"".join((head(_KIND, _VERSION), fixed, item, _bytes(self.predecessors), _bytes(self.bought_with)))

    @classmethod
    def unpack(cls, data: bytes) -> "Evidence":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones."""
        reader = Reader(data, _KIND, _VERSION)
        partition, offset, clock, time_ms, weight, rating, flags, id_size, *counts = reader.fields(_FIXED)
        item_id = reader.text(int(id_size))
        predecessors, bought_with = (_indices(reader.raw(4 * int(count))) for count in counts)
        reader.end()
        if abs(rating) > MAX_RATING:  # NaN, which stands for none, is not
            raise ValueError(f"packed 'E' row: {rating} are no stars")
        return cls(
            item_id=item_id,
            origin=(int(partition), int(offset)),
            clock=int(clock),
            time_ms=int(time_ms),
            weight=float(weight),
            first=bool(int(flags) & _FIRST),
            predecessors=predecessors,
            bought=bool(int(flags) & _BOUGHT),
            rating=None if math.isnan(rating) else float(rating),
            bought_with=bought_with,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Retraction:
    """Evidence on one item to be taken back, because the user who gave it is to be forgotten.

    `origin` is that of the order to forget; the pieces keep what they say, whatever their own origins.
    """

    item_id: str
    origin: tuple[int, int]
    pieces: tuple[Evidence, ...]

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: every piece as it was sent, behind its size.

        >>> piece = Evidence("b", (0, 7), 56, 1_000, 1.0, True, np.array([3, 1], dtype=np.uint32))
        >>> Retraction.unpack(Retraction("b", (0, 9), (piece,)).pack()).pieces[0].clock
        56
        """
        item, pieces = self.item_id.encode(), [piece.pack() for piece in self.pieces]
        fixed = _RETRACTION.pack(*self.origin, len(item), len(pieces))
        sized = (part for piece in pieces for part in (_SIZE.pack(len(piece)), piece))
        return b"".join((head(_RETRACTION_KIND, _RETRACTION_VERSION), fixed, item, *sized))

    @classmethod
    def unpack(cls, data: bytes) -> "Retraction":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones."""
        reader = Reader(data, _RETRACTION_KIND, _RETRACTION_VERSION)
        partition, offset, id_size, count = map(int, reader.fields(_RETRACTION))
        item_id = reader.text(id_size)
        pieces = tuple(Evidence.unpack(reader.raw(int(reader.fields(_SIZE)[0]))) for _ in range(count))
        reader.end()
        return cls(item_id, (partition, offset), pieces)


def is_retraction(data: bytes) -> bool:
    """Whether packed bytes say to take evidence back."""
    return data.startswith(_RETRACTION_KIND)


def _bytes(indices: NDArray[np.uint32]) -> bytes:
    return indices.astype("<u4", copy=False).tobytes()


def _indices(data: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(data, dtype="<u4").astype(np.uint32, copy=False)
