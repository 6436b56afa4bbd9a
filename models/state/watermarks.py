"""How far each origin was applied to a row: at-least-once delivery, exactly-once effect."""

import struct

from models.primitives.packing import Reader

_COUNT = struct.Struct("<H")
_MARK = struct.Struct("<Iq")


class Watermarks(dict[int, int]):
    """{origin partition: last applied offset}; one entry per origin partition, keep those modest (≤ 64).

    >>> marks = Watermarks()
    >>> marks.advance((0, 7)), marks.advance((0, 7)), marks.advance((1, 3))
    (True, False, True)
    """

    def advance(self, origin: tuple[int, int]) -> bool:
        """Note a record as applied; False when it or a later one of its partition already was."""
        partition, offset = origin
        if offset <= self.get(partition, -1):
            return False
        self[partition] = offset
        return True

    def pack(self) -> bytes:
        """Count, then (partition, offset) each."""
        return _COUNT.pack(len(self)) + b"".join(_MARK.pack(*mark) for mark in self.items())

    @classmethod
    def read(cls, reader: Reader) -> "Watermarks":
        """Read `pack`'s bytes; raises ValueError on truncated ones."""
        (count,) = map(int, reader.fields(_COUNT))
        return cls(_MARK.iter_unpack(reader.raw(_MARK.size * count)))
