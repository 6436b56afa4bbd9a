"""What the owner of a partition of evidence says to all who fold it, at one place of the log: all act there alike."""

import struct
from dataclasses import dataclass

from models.primitives.packing import Reader, head

_DROP_KIND, _BOUND_KIND, _VERSION = b"D", b"B", 1
_COUNT = struct.Struct("<I")
_SIZE = struct.Struct("<H")


@dataclass(frozen=True, slots=True)
class Drop:
    """Rows of these items are dropped, unless they began after this record."""

    item_ids: tuple[str, ...]

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: 2 an item and its id.

        >>> Drop.unpack(Drop(("a", "é")).pack()).item_ids
        ('a', 'é')
        """
        named = [item_id.encode() for item_id in self.item_ids]
        sized = (part for name in named for part in (_SIZE.pack(len(name)), name))
        return b"".join((head(_DROP_KIND, _VERSION), _COUNT.pack(len(named)), *sized))

    @classmethod
    def unpack(cls, data: bytes) -> "Drop":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones."""
        reader = Reader(data, _DROP_KIND, _VERSION)
        (count,) = map(int, reader.fields(_COUNT))
        names = tuple(reader.text(int(reader.fields(_SIZE)[0])) for _ in range(count))
        reader.end()
        return cls(names)


@dataclass(frozen=True, slots=True)
class Bound:
    """From here on a row of pairs that reaches twice so many entries is cut to the largest `entries`."""

    entries: int

    def pack(self) -> bytes:
        """Versioned bytes, little-endian.

        >>> Bound.unpack(Bound(200).pack())
        Bound(entries=200)
        """
        return head(_BOUND_KIND, _VERSION) + _COUNT.pack(self.entries)

    @classmethod
    def unpack(cls, data: bytes) -> "Bound":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones, and for a bound of 0."""
        reader = Reader(data, _BOUND_KIND, _VERSION)
        (entries,) = map(int, reader.fields(_COUNT))
        reader.end()
        if entries < 1:
            raise ValueError("packed 'B' row: a row of no entries says nothing")
        return cls(entries)


def control_of(data: bytes) -> Drop | Bound | None:
    """What a record of the log says to all, None for evidence; raises ValueError on malformed bytes."""
    if data.startswith(_DROP_KIND):
        return Drop.unpack(data)
    return Bound.unpack(data) if data.startswith(_BOUND_KIND) else None
