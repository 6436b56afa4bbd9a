"""Little-endian rows of bytes: a kind, a version, and a reader that refuses truncated or malformed input."""

import struct
import sys
from array import array

import numpy as np

_HEAD = struct.Struct("<cB")


def head(kind: bytes, version: int) -> bytes:
    """First two bytes of a packed row: what it is, and in which layout.

    >>> head(b"U", 1)
    b'U\\x01'
    """
    return _HEAD.pack(kind, version)


def column_bytes(column: "array[int] | array[float]") -> bytes:
    """Bytes of a column of numbers, little-endian on every machine."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def contains(keys: "array[int]", key: int) -> bool:
    """Whether a column of 64-bit keys holds this one; O(n), a microsecond per 1,000.

    >>> contains(array("Q", [3, 5]), 5)
    True
    """
    return bool(np.count_nonzero(np.frombuffer(keys, dtype=np.uint64) == np.uint64(key)))


class Reader:
    """Takes a packed row apart from front to back; every method raises ValueError on bytes that don't fit.

    >>> Reader(b"X\\x01", b"U", 1)
    Traceback (most recent call last):
    ValueError: packed 'U' row: starts with b'X\\x01', expected b'U\\x01'; written by another version?
    """

    def __init__(self, data: bytes, kind: bytes, version: int) -> None:
        self._data = data
        self._at = _HEAD.size
        self._kind = kind.decode()
        expected = head(kind, version)
        if data[: _HEAD.size] != expected:
            raise self._error(f"starts with {data[: _HEAD.size]!r}, expected {expected!r}; written by another version?")

    def fields(self, layout: struct.Struct) -> tuple[int | float, ...]:
        """Next fixed fields."""
        return layout.unpack(self.raw(layout.size))

    def raw(self, size: int) -> bytes:
        """Next `size` bytes as they are."""
        end = self._at + size
        if end > len(self._data):
            raise self._error(f"truncated: {len(self._data)} bytes, needs at least {end}")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def ints(self, typecode: str, count: int) -> "array[int]":
        """Next column of `count` integers."""
        column: array[int] = array(typecode)
        self.fill(column, count)
        return column

    def floats(self, typecode: str, count: int) -> "array[float]":
        """Next column of `count` floats."""
        column: array[float] = array(typecode)
        self.fill(column, count)
        return column

    def fill(self, column: "array[int] | array[float]", count: int) -> None:
        """Next column of `count` numbers, into an empty one."""
        column.frombytes(self.raw(column.itemsize * count))
        if sys.byteorder == "big":
            column.byteswap()

    def text(self, size: int) -> str:
        """Next `size` bytes as UTF-8."""
        try:
            return self.raw(size).decode()
        except UnicodeDecodeError as error:
            raise self._error(f"holds text that is not UTF-8 ({error.reason})") from error

    def end(self) -> None:
        """Check that nothing is left."""
        if self._at != len(self._data):
            raise self._error(f"{len(self._data) - self._at} bytes too many")

    def _error(self, problem: str) -> ValueError:
        return ValueError(f"packed {self._kind!r} row: {problem}")
