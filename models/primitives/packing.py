"""Little-endian rows of bytes: a kind, a version, and a reader that refuses truncated or malformed input."""

import struct
import sys
from array import array
from collections.abc import Collection, Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

import numpy as np

Column: TypeAlias = "array[int] | array[float]"

_HEAD = struct.Struct("<cB")
_MASK = struct.Struct("<H")
_SIZE = struct.Struct("<I")


def head(kind: bytes, version: int) -> bytes:
    """First two bytes of a packed row: what it is, and in which layout.

    >>> head(b"U", 1)
    b'U\\x01'
    """
    return _HEAD.pack(kind, version)


def column_bytes(column: Column) -> bytes:
    """Bytes of a column of numbers, little-endian on every machine."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def columns_bytes(columns: Sequence[Column]) -> bytes:
    """Bytes of at most 16 columns of one length; of one that says the same in every place, that value once.

    >>> len(columns_bytes([array("q", [7, 7, 7]), array("B", [1, 2, 3])]))
    13
    """
    mask, parts = 0, []
    for bit, column in enumerate(columns):
        data = column_bytes(column)
        first = data[: column.itemsize]
        if len(column) > 1 and data == first * len(column):
            mask |= 1 << bit
            data = first
        parts.append(data)
    return b"".join((_MASK.pack(mask), *parts))


def texts_bytes(texts: Collection[str]) -> bytes:
    """Bytes of texts of at most 65,535 characters each: their size together, UTF-8, number of characters of each.

    >>> len(texts_bytes(["ab", "cd", "ef"]))
    16
    """
    data = "".join(texts).encode()
    return b"".join((_SIZE.pack(len(data)), data, column_bytes(array("H", map(len, texts)))))


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
        at = self._take(layout.size)
        return layout.unpack_from(self._data, at)

    def raw(self, size: int) -> bytes:
        """Next `size` bytes as they are."""
        at = self._take(size)
        return self._data[at : at + size]

    def _take(self, size: int) -> int:
        """Where the next `size` bytes begin."""
        at, end = self._at, self._at + size
        if end > len(self._data):
            raise self._error(f"truncated: {len(self._data)} bytes, needs at least {end}")
        self._at = end
        return at

    def ints(self, typecode: str, count: int) -> "array[int]":
        """Next column of `count` integers."""
        column: array[int] = array(typecode)
        self._read(column, count)
        return column

    def floats(self, typecode: str, count: int) -> "array[float]":
        """Next column of `count` floats."""
        column: array[float] = array(typecode)
        self._read(column, count)
        return column

    def fill(self, columns: Sequence[Column], count: int) -> None:
        """Next columns of `count` numbers each, as `columns_bytes` made them, into empty ones."""
        (mask,) = map(int, self.fields(_MASK))
        for bit, column in enumerate(columns):
            if mask >> bit & 1:
                self._read(column, 1)
                column *= count
            else:
                self._read(column, count)

    def texts(self, count: int) -> list[str]:
        """Next `count` texts, as `texts_bytes` made them."""
        (size,) = map(int, self.fields(_SIZE))
        text, sizes = self.text(size), self.ints("H", count)
        if sum(sizes) != len(text):
            raise self._error(f"texts take {sum(sizes)} characters, there are {len(text)}; truncated?")
        ends = list(accumulate(sizes, initial=0))
        return [text[start:end] for start, end in pairwise(ends)]

    def _read(self, column: Column, count: int) -> None:
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
