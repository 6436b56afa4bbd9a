"""A sparse matrix in rows: just what a factorisation asks of one, with numpy alone."""

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class SparseMatrix:
    """Row n holds `values[starts[n]:starts[n + 1]]` in the columns of the same places; 8 bytes an entry.

    `starts` int64 (rows + 1,), `columns` int32 and `values` float32 (entries,), `width` columns.

    >>> matrix = SparseMatrix.of_triples(np.array([0, 1, 1]), np.array([1, 0, 1]), np.array([2.0, 3.0, 4.0]), (2, 2))
    >>> matrix.times(np.eye(2, dtype=np.float32)).tolist()
    [[0.0, 2.0], [3.0, 4.0]]
    """

    starts: Rows
    columns: NDArray[np.int32]
    values: Floats
    width: int

    @classmethod
    def of_triples(
        cls, rows: Integers, columns: Integers, values: NDArray[Any], shape: tuple[int, int]
    ) -> "SparseMatrix":
        """Build from entries (rows, columns, values), each (n,), in any order; those of one place add up."""
        keys = rows.astype(np.int64)
        keys *= shape[1]
        keys += columns
        order = np.argsort(keys)
        keys, values = keys[order], values[order]
        del order  # as large as the rest: large matrices are built of tens of millions of entries
        firsts = np.flatnonzero(np.diff(keys, prepend=-1))
        summed = np.add.reduceat(values, firsts).astype(np.float32) if len(firsts) else np.zeros(0, dtype=np.float32)
        keys = keys[firsts]
        starts = np.searchsorted(keys, np.arange(shape[0] + 1, dtype=np.int64) * shape[1])
        return cls(starts.astype(np.int64), (keys % max(1, shape[1])).astype(np.int32), summed, shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.starts) - 1, self.width

    def owners(self) -> NDArray[np.int32]:
        """Row of each entry, int32 (entries,)."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))

    def with_values(self, values: Floats) -> "SparseMatrix":
        """The same places with other values, float32 (entries,); zeros leave."""
        kept = values != 0.0
        ends = np.concatenate([[0], np.cumsum(kept)])
        return SparseMatrix(ends[self.starts], self.columns[kept], values[kept], self.width)

    def transposed(self) -> "SparseMatrix":
        """Rows become columns; O(entries log entries)."""
        order = np.argsort(self.columns, kind="stable")
        starts = np.searchsorted(self.columns[order], np.arange(self.width + 1))
        columns = self.owners()[order]
        return SparseMatrix(starts.astype(np.int64), columns, self.values[order], len(self.starts) - 1)

    def times(self, dense: Floats, on_row: Callable[[], None] = lambda: None) -> Floats:
        """Product with `dense` float32 (columns, k) → float32 (rows, k); one small product a row, O(entries · k)."""
        found = np.zeros((len(self.starts) - 1, dense.shape[1]), dtype=np.float32)
        bounds = self.starts.tolist()
        for row, (start, end) in enumerate(pairwise(bounds)):
            if end > start:
                found[row] = self.values[start:end] @ dense[self.columns[start:end]]
            on_row()
        return found


def counts_matrix(rows: Iterable[tuple[int, Mapping[int, int]]], slots: Mapping[int, int], size: int) -> SparseMatrix:
    """A square matrix from rows of counts: (slot, {key: count}), with the slot of each key in `slots`.

    A key that has no slot is left out.

    >>> counts_matrix([(0, {77: 2, 5: 9})], {77: 1}, 2).times(np.eye(2, dtype=np.float32)).tolist()
    [[0.0, 2.0], [0.0, 0.0]]
    """
    owners, columns, values = array("i"), array("i"), array("f")
    for slot, counts in rows:
        for key, count in counts.items():
            if key in slots:
                owners.append(slot)
                columns.append(slots[key])
                values.append(count)
    read = (np.frombuffer(owners, dtype=np.int32), np.frombuffer(columns, dtype=np.int32))
    return SparseMatrix.of_triples(*read, np.frombuffer(values, dtype=np.float32), (size, size))
