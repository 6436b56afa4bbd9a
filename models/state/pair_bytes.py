"""A row's counts as bytes: three columns of variable-length integers, about 6 bytes a pair instead of 12."""

import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.primitives.packing import Reader
from models.state.compiled import inner, kernel

Keys = NDArray[np.uint32]
Counts = NDArray[np.uint32]

_HEAD = struct.Struct("<II")
_LARGEST_BYTES = 5
"""Of one integer of 32 bits, 7 in each byte."""

_LAST_KEY = 0xFFFFFFFE
"""Keys end here: the next one stands for a free place."""


class PairRow(NamedTuple):
    """One item's counts: predecessors' indices, uint32 (n,), sorted; `near`, `liked`, uint32 (n,)."""

    keys: Keys
    near: Counts
    liked: Counts


def pack_row(row: PairRow) -> bytes:
    """Number of pairs and of bytes, uint32; then keys as gaps, `near`, `liked`, little-endian base 128 (LEB128).

    Keys are sorted and each is once; every pair has counts. Sorted hashes are 3 to 4 bytes apart, most counts take 1.
    """
    count = len(row.keys)
    room = np.empty(3 * _LARGEST_BYTES * count, dtype=np.uint8)
    packed = room[: _encode(row.keys, row.near, row.liked, room)].tobytes()
    return _HEAD.pack(count, len(packed)) + packed


def read_row(reader: Reader) -> PairRow:
    """Read `pack_row`'s bytes; raises ValueError on truncated or malformed ones."""
    count, size = map(int, reader.fields(_HEAD))
    packed = np.frombuffer(reader.raw(size), dtype=np.uint8)
    if 3 * count > size:
        raise ValueError(f"packed pairs: {size} bytes can't hold {count} pairs")
    columns = np.empty((3, count), dtype=np.uint32)
    if _decode(packed, columns) != size:
        raise ValueError(f"packed pairs: {size} bytes are not {count} sorted pairs with counts")
    return PairRow(*columns)


@kernel
def _encode(keys: Keys, near: Counts, liked: Counts, out: NDArray[np.uint8]) -> int:
    """Write the columns one after the other; returns the number of bytes."""
    at, last = _int(0), _int(-1)
    for key in keys:
        at = _write(out, at, _int(key) - last)
        last = _int(key)
    for count in near:
        at = _write(out, at, _int(count))
    for count in liked:
        at = _write(out, at, _int(count))
    return at


@kernel
def _decode(packed: NDArray[np.uint8], columns: NDArray[np.uint32]) -> int:
    """Fill keys, near, liked; returns the number of bytes read, -1 if they don't make sorted pairs with counts."""
    at, last = _int(0), _int(-1)
    for column in range(3):
        for i in range(columns.shape[1]):
            at, number = _read(packed, at)
            if column == 0:
                number += last
                if number == last or number > _LAST_KEY:
                    return -1
                last = number
            if at < 0 or number > 0xFFFFFFFF:
                return -1
            columns[column, i] = number
    for i in range(columns.shape[1]):
        if columns[1, i] == 0 and columns[2, i] == 0:
            return -1
    return at


@inner
def _int(number: Any) -> int:
    """As int64: a function that gets other integers as well is compiled again for them."""
    return int(np.int64(number))


@inner
def _write(out: NDArray[np.uint8], at: int, number: int) -> int:
    """Write a number of at most 35 bits; returns where the next one begins."""
    while number > 127:
        out[at] = 128 | (number & 127)
        number >>= 7
        at += 1
    out[at] = number
    return at + 1


@inner
def _read(packed: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """A number of at most 5 bytes and where the next one begins, -1 if it does not end."""
    number, shift = _int(0), _int(0)
    while at < len(packed) and shift < 7 * _LARGEST_BYTES:
        number |= _int(packed[at] & 127) << shift
        at += 1
        if packed[at - 1] < 128:
            return at, number
        shift += 7
    return -1, number
