"""One item's bounded row of counts over other items: who came before it, how often, how near."""

import struct

import numpy as np
from numpy.typing import NDArray

from models.primitives.packing import Reader
from models.primitives.sparse import SparseVector

BOUND = 200
"""Neighbours kept when a row is cut: 50 lose 5 % of hits, all are no better."""

SLACK = 200
"""Amounts noted beyond the bound before the next cut: fewer cut more often, more cost bytes at rest."""

_COUNT = struct.Struct("<H")
_LARGEST = 2**32 - 1
_NO_COUNTS: NDArray[np.int64] = np.zeros(0, dtype=np.int64)


class CountRow:
    """{sparse index: integer count}; integers add up to the same in every order of arrival.

    Amounts are noted one after the other (two columns of 32 bits, 8 bytes a note) and added up when asked.
    Past 200 + 200 notes they are added up for good and cut: the smallest counts leave down to 200, among
    equals the one touched longest ago, so a trend can enter. Until the first cut that drops something, a row
    is exact. A count that outgrows 32 bits halves its whole row: the ratios stay. After lossy counting:
    Manku & Motwani 2002.

    >>> row = CountRow()
    >>> row.note(np.array([5, 9], dtype="<u4"), np.array([2520, 1260], dtype="<u4").tobytes())
    >>> row.note(np.array([9], dtype="<u4"), np.array([2520], dtype="<u4").tobytes())
    >>> row.counts()
    {5: 2520, 9: 3780}
    """

    __slots__ = ("_amounts", "_indices")

    def __init__(self) -> None:
        self._indices = bytearray()
        self._amounts = bytearray()

    def note(self, indices: NDArray[np.uint32], amounts: bytes) -> None:
        """Note one amount for each index; `indices` uint32 (n,), `amounts` at least n little-endian uint32.

        O(n); one call in SLACK / n also pays for a cut.
        """
        noted = indices.astype("<u4", copy=False).tobytes()
        self._indices += noted
        self._amounts += amounts[: len(noted)]
        if len(self._indices) > 4 * (BOUND + SLACK):
            self._cut()

    def take_back(self, indices: NDArray[np.uint32], amounts: bytes) -> None:
        """Undo `note`; a count ends at 0, and what the row has dropped is not missed. O(notes)."""
        if not len(indices):
            return
        noted, counts, last = self._added_up()
        taken = np.frombuffer(amounts, dtype="<u4", count=len(indices))
        for index, amount in zip(indices.tolist(), taken.tolist(), strict=True):
            at = int(np.searchsorted(noted, index))
            if at < len(noted) and noted[at] == index:
                counts[at] = max(0, counts[at] - amount)
        left = last.argsort()  # those touched longest ago stay the first to leave
        left = left[counts[left] > 0]
        self._set(noted[left], counts[left])

    def counts(self) -> dict[int, int]:
        """{index: count} of all entries."""
        indices, counts, _ = self._added_up()
        return dict(zip(indices.tolist(), counts.tolist(), strict=True))

    def sparse(self, unit: int = 1) -> SparseVector:
        """The row as the index stores it: its (at most 200) largest counts, divided by `unit`."""
        indices, counts, last = self._added_up()
        if len(indices) > BOUND:
            kept = np.sort(_largest(counts, last))
            indices, counts = indices[kept], counts[kept]
        return SparseVector(indices, (counts / unit).astype(np.float32))

    def pack(self) -> bytes:
        """Number of notes, indices, amounts."""
        return b"".join((_COUNT.pack(len(self._indices) // 4), self._indices, self._amounts))

    @classmethod
    def read(cls, reader: Reader) -> "CountRow":
        """Read `pack`'s bytes; raises ValueError on truncated ones."""
        (notes,) = map(int, reader.fields(_COUNT))
        row = cls()
        row._indices = bytearray(reader.raw(4 * notes))
        row._amounts = bytearray(reader.raw(4 * notes))
        return row

    def _added_up(self) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.intp]]:
        """Sorted indices, their counts, and the place of each one's last note."""
        noted = np.frombuffer(self._indices, dtype="<u4").astype(np.uint32)
        amounts = np.frombuffer(self._amounts, dtype="<u4")
        order = noted.argsort(kind="stable")  # notes of one index stay in their order: the last is the newest
        grouped = noted[order]
        begins = np.ones(len(grouped) + 1, dtype=np.bool_)
        np.not_equal(grouped[1:], grouped[:-1], out=begins[1:-1])
        edges = np.flatnonzero(begins)
        starts, ends = edges[:-1], edges[1:] - 1
        counts = np.add.reduceat(amounts[order], starts, dtype=np.int64) if len(starts) else _NO_COUNTS
        return grouped[starts], counts, order[ends]

    def _cut(self) -> None:
        indices, counts, last = self._added_up()
        kept = _largest(counts, last)
        self._set(indices[kept], counts[kept])

    def _set(self, indices: NDArray[np.uint32], counts: NDArray[np.int64]) -> None:
        if counts.max(initial=0) > _LARGEST:
            counts = counts // 2
        self._indices = bytearray(indices.astype("<u4").tobytes())
        self._amounts = bytearray(counts.astype("<u4").tobytes())


def _largest(counts: NDArray[np.int64], last: NDArray[np.intp]) -> NDArray[np.intp]:
    """Places of the counts that stay; among equals those touched last."""
    return np.lexsort((last, counts))[-BOUND:]
