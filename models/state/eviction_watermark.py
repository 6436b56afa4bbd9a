"""How far evicted rows got: a record that they had applied must not start them over."""

import struct
from array import array
from collections.abc import Mapping
from hashlib import blake2b

from models.primitives.packing import Reader, column_bytes, head

_KIND, _VERSION = b"F", 1
_COUNT = struct.Struct("<H")
_ORIGIN = struct.Struct("<IqH")


class EvictionWatermark:
    """Per origin the highest offset that a dropped row had applied, and which rows ended exactly there.

    Records of one origin reach the rows in the order of their offsets, repeats apart: whatever lies below the highest
    one was applied before. At that offset itself not all may have been, because one record may concern several rows
    (a basket concerns several items): those that had it are remembered by a 64-bit hash of their keys.
    Grows to one entry an origin, and as many hashes as rows that one record concerns.
    Where rows are dropped at a place of the log (`rise`), what the whole log had reached there is told by `reach`.

    >>> watermark = EvictionWatermark()
    >>> watermark.drop("a", {0: 5}), watermark.drop("b", {0: 7})
    (None, None)
    >>> [watermark.covers(key, mark) for key, mark in (("c", (0, 6)), ("b", (0, 7)), ("c", (0, 7)), ("b", (1, 0)))]
    [True, True, False, False]
    """

    __slots__ = ("_ended_there", "_offsets")

    def __init__(self) -> None:
        self._offsets: dict[int, int] = {}
        self._ended_there: dict[int, set[int | str]] = {}
        """Keys, or their hashes: most keys are passed by a later offset before anybody needs the hash."""

    def __len__(self) -> int:
        """Number of origins."""
        return len(self._offsets)

    def drop(self, key: str, marks: Mapping[int, int]) -> None:
        """The row of `key` goes; `marks`: the last offset that it applied of each origin."""
        for mark in marks.items():
            self.reach(key, mark)

    def reach(self, key: str, mark: tuple[int, int]) -> None:
        """A record at this (origin, offset) came for the row of `key`."""
        origin, offset = mark
        highest = self._offsets.get(origin, -1)
        if offset > highest:
            self._offsets[origin], self._ended_there[origin] = offset, {key}
        elif offset == highest:
            self._ended_there[origin].add(key)

    def rise(self, other: "EvictionWatermark") -> None:
        """Cover what the other one covers, besides."""
        for origin, offset in other._offsets.items():
            highest = self._offsets.get(origin, -1)
            if offset > highest:
                self._offsets[origin], self._ended_there[origin] = offset, set(other._ended_there[origin])
            elif offset == highest:
                self._ended_there[origin] |= other._ended_there[origin]

    def covers(self, key: str, mark: tuple[int, int]) -> bool:
        """Whether the record at this (origin, offset) was applied to the row of `key`, whether that is kept or not."""
        origin, offset = mark
        highest = self._offsets.get(origin)
        if highest is None or offset > highest:
            return False
        if offset < highest:
            return True
        ended_there = self._ended_there[origin]
        return key in ended_there or _hashed(key) in ended_there

    def offset(self, origin: int) -> int:
        """Highest offset of an origin that a dropped row had applied; -1 without one."""
        return self._offsets.get(origin, -1)

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: 14 an origin, 8 a row that ended there."""
        parts = [head(_KIND, _VERSION), _COUNT.pack(len(self._offsets))]
        for origin, offset in sorted(self._offsets.items()):
            ended_there = self._ended_there[origin]
            keys = array("Q", sorted({key if isinstance(key, int) else _hashed(key) for key in ended_there}))
            parts += (_ORIGIN.pack(origin, offset, len(keys)), column_bytes(keys))
        return b"".join(parts)

    @classmethod
    def unpack(cls, data: bytes) -> "EvictionWatermark":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones."""
        reader = Reader(data, _KIND, _VERSION)
        watermark = cls()
        (count,) = map(int, reader.fields(_COUNT))
        for _ in range(count):
            origin, offset, keys = map(int, reader.fields(_ORIGIN))
            watermark._offsets[origin], watermark._ended_there[origin] = offset, set(reader.ints("Q", keys))
        reader.end()
        return watermark


def _hashed(key: str) -> int:
    # Not `item_key`: it keeps what it is asked, and these are asked once.
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
