"""Sparse rows by slot with an inverted structure kept up to date: cheap row changes, searches without a scan.

Every entry lives once in an arena (parallel arrays of owner, weight, place in the owner's row). All entries
of one sparse index lie side by side there: its column, a block that doubles when full. A row knows the
addresses of its entries. So new weights for known indices are one vectorised write, and a search adds up a
few contiguous blocks. Removed entries stay in their block, owned by no row, until it moves.
Memory: 24 bytes an entry and its free room (blocks are at least a quarter full when they move); a column
stays known when its last entry goes: bounded by the indices ever used.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.primitives.sparse import SparseVector

_UNOWNED = -1
_SMALLEST_BLOCK = 4
_FIRST_ENTRIES = 1024
_FIRST_COLUMNS = 256


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    indices: NDArray[np.uint32]
    addresses: NDArray[np.int64]


class SparseRows:
    """One sparse vector per slot, or none; a change costs O(row), scoring O(entries of the columns asked).

    >>> rows = SparseRows()
    >>> rows.set(0, SparseVector.of({7: 2.0, 9: 1.0}))
    >>> rows.set(1, SparseVector.of({9: 5.0}))
    >>> rows.scores(SparseVector.of({7: 1.0, 9: 1.0}), 3).tolist()
    [3.0, 5.0, 0.0]
    """

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._columns: dict[int, int] = {}
        self._start = np.zeros(_FIRST_COLUMNS, dtype=np.int64)
        self._length = np.zeros(_FIRST_COLUMNS, dtype=np.int64)
        self._capacity = np.zeros(_FIRST_COLUMNS, dtype=np.int64)
        self._owner = np.full(_FIRST_ENTRIES, _UNOWNED, dtype=np.int32)
        self._weight = np.zeros(_FIRST_ENTRIES, dtype=np.float32)
        self._position = np.zeros(_FIRST_ENTRIES, dtype=np.int32)
        self._used = 0
        self._free: dict[int, list[int]] = {}

    def set(self, slot: int, vector: SparseVector) -> None:
        """Make `vector` the slot's row."""
        row = self._rows.get(slot)
        if row is None:
            row = _Row(vector.indices.copy(), self._claim(slot, vector.indices))
            self._adopt(slot, row)
        elif not np.array_equal(row.indices, vector.indices):
            row = self._changed(slot, row, vector.indices.copy())
            self._adopt(slot, row)
        self._weight[row.addresses] = vector.values

    def clear(self, slot: int) -> None:
        """Forget the slot's row; without one nothing happens."""
        row = self._rows.pop(slot, None)
        if row is not None:
            self._disown(row.addresses)

    def get(self, slot: int) -> SparseVector | None:
        """Return a copy of the slot's row, or None."""
        row = self._rows.get(slot)
        return None if row is None else SparseVector(row.indices.copy(), self._weight[row.addresses])

    def scores(self, query: SparseVector, slots: int) -> NDArray[np.float32]:
        """Dot product of `query` with the first `slots` rows, float32 (slots,); 0 without overlap."""
        owners, amounts = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.float32)]
        for index, weight in zip(query.indices.tolist(), query.values.tolist(), strict=True):
            column = self._columns.get(index)
            if column is not None:
                start = self._start[column]
                block = slice(start, start + self._length[column])
                owners.append(self._owner[block])
                amounts.append(weight * self._weight[block])
        # The first bin takes the zeros of removed entries, whose owner is -1.
        bins = np.bincount(np.concatenate(owners) + 1, np.concatenate(amounts), slots + 1)
        return bins[1 : slots + 1].astype(np.float32)

    @property
    def allocated_entries(self) -> int:
        """Entries that the arena has given out as blocks, free room and freed blocks included."""
        return self._used

    def _changed(self, slot: int, row: _Row, indices: NDArray[np.uint32]) -> _Row:
        at = np.searchsorted(row.indices, indices)
        kept = np.zeros(len(indices), dtype=np.bool_)
        if len(row.indices):
            kept = row.indices.take(at, mode="clip") == indices
        gone = np.ones(len(row.indices), dtype=np.bool_)
        gone[at[kept]] = False
        self._disown(row.addresses[gone])
        addresses = np.empty(len(indices), dtype=np.int64)
        addresses[kept] = row.addresses[at[kept]]
        addresses[~kept] = self._claim(slot, indices[~kept])
        return _Row(indices, addresses)

    def _adopt(self, slot: int, row: _Row) -> None:
        self._position[row.addresses] = np.arange(len(row.addresses), dtype=np.int32)
        self._rows[slot] = row

    def _disown(self, addresses: NDArray[np.int64]) -> None:
        self._owner[addresses] = _UNOWNED
        self._weight[addresses] = 0.0

    def _claim(self, slot: int, indices: NDArray[np.uint32]) -> NDArray[np.int64]:
        columns = self._columns_of(indices)
        for column in columns[self._length[columns] == self._capacity[columns]].tolist():
            self._move(column)
        addresses = self._start[columns] + self._length[columns]
        self._length[columns] += 1
        self._owner[addresses] = slot
        return addresses

    def _columns_of(self, indices: NDArray[np.uint32]) -> NDArray[np.int64]:
        known = self._columns
        columns = [known.setdefault(index, len(known)) for index in indices.tolist()]
        while len(known) > len(self._start):
            self._start, self._length, self._capacity = (
                np.concatenate([array, np.zeros_like(array)]) for array in (self._start, self._length, self._capacity)
            )
        return np.array(columns, dtype=np.int64)

    def _move(self, column: int) -> None:
        start, length = int(self._start[column]), int(self._length[column])
        live = start + np.flatnonzero(self._owner[start : start + length] != _UNOWNED)
        capacity = max(_SMALLEST_BLOCK, 1 << (2 * len(live) - 1).bit_length()) if len(live) else _SMALLEST_BLOCK
        target = self._block(capacity)
        moved = np.arange(target, target + len(live), dtype=np.int64)
        for array in (self._owner, self._weight, self._position):
            array[moved] = array[live]
        owners, positions = self._owner[moved].tolist(), self._position[moved].tolist()
        for owner, position, address in zip(owners, positions, moved.tolist(), strict=True):
            self._rows[owner].addresses[position] = address
        if self._capacity[column]:
            self._free.setdefault(int(self._capacity[column]), []).append(start)
        self._start[column], self._length[column], self._capacity[column] = target, len(live), capacity

    def _block(self, capacity: int) -> int:
        free = self._free.get(capacity)
        if free:
            return free.pop()
        start, self._used = self._used, self._used + capacity
        while self._used > len(self._owner):
            self._owner = np.concatenate([self._owner, np.full_like(self._owner, _UNOWNED)])
            self._weight = np.concatenate([self._weight, np.zeros_like(self._weight)])
            self._position = np.concatenate([self._position, np.zeros_like(self._position)])
        return start
