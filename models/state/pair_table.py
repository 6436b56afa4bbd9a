"""How often an item came after another one, both ways: exact rows by successor, bounded lists by predecessor."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.primitives.packing import Reader
from models.state import pair_kernels as kernels
from models.state.evidence import WINDOW
from models.state.item_state import NEAR_WINDOW, TRANSITION_UNIT
from models.state.pair_bytes import Counts, Keys, PairRow, pack_row, read_row
from models.state.pair_kernels import (
    EMPTY,
    KEY,
    LIKED,
    LISTS,
    LIVE,
    NEAR,
    PAIRS,
    PAIRS_CUT,
    ROWS_CUT,
    SIZE,
    SMALLEST,
    STALE,
    START,
    USED,
)
from models.state.pair_memory import no_pairs, with_room, with_rows


class Cuts(NamedTuple):
    """How often a row was cut at its bound, and the pairs that left."""

    rows: int
    pairs: int


class PairTable:
    """Counts of (predecessor, successor); rows are numbers from 0 on, predecessors sparse indices of item ids.

    Of each pair: `near`, 2520 · Σ 1/distance over the events on the successor at most `near_window` items after the
    predecessor, and `liked`, the events of positive weight after it. Rows are exact, but where they are told a bound:
    a row of twice as many pairs is cut to the largest by near + 2520 · liked, equal ones by smaller key. A row is a
    function of its own events in their order, whatever the chunks, also if it was packed and loaded in between. What
    comes after an item is read from its list, the 200 largest by the same rank, equal ones by the successor's index:
    a function of the rows. Memory: 12 bytes a pair in a row and 12 in a list, blocks of both between 3/8 and 3/4
    full; packed, about 6 bytes a pair. Learning costs 0.2 to 0.4 µs a predecessor.

    >>> table = PairTable()
    >>> table.learn([1, 1], [np.array([7], dtype=np.uint32)] * 2, [True, False])
    >>> table.row(1).near.tolist(), table.row(1).liked.tolist()
    ([5040], [1])
    >>> rows, sums = table.successors(np.array([7], dtype=np.uint32), np.ones((1, 2)))
    >>> rows.tolist(), sums.tolist()
    ([1], [[5040.0, 1.0]])
    """

    def __init__(self, near_window: int = NEAR_WINDOW) -> None:
        self._near_window = near_window
        self._steps = _steps(near_window, WINDOW)
        self._pairs = no_pairs()
        self._may_be_stale = False
        self._make_scratch()

    def name(self, row: int, index: int) -> None:
        """Have a row, with the sparse index of its own item, which decides among equals; before it has pairs."""
        self._have_rows(row + 1)
        self._pairs.ties[row] = index

    def learn(
        self,
        rows: Sequence[int],
        predecessors: Sequence[Keys],
        liked: Sequence[bool],
        bounds: Sequence[int] | int = 0,
    ) -> None:
        """Count events: on which row, after which items (nearest first), whether of positive weight.

        `bounds`, of each event or of all: its row is cut to so many pairs when it has twice as many; 0 for no bound.
        """
        ends = np.cumsum([len(keys) for keys in predecessors], dtype=np.int64)
        keys = np.concatenate([np.zeros(0, dtype=np.uint32), *predecessors])
        targets, likes = np.array(rows, dtype=np.int64), np.array(liked, dtype=np.int64)
        limits = np.zeros(len(targets), dtype=np.int64)
        limits[:] = bounds
        self._may_be_stale = self._may_be_stale or bool(limits.any())
        heap = np.empty(limits.max(initial=0), dtype=np.int64)
        steps = self._steps_of(max(map(len, predecessors), default=0))
        self._have_rows(int(targets.max(initial=-1)) + 1)
        done = 0
        while True:
            done = kernels.learn(self._pairs, targets, ends, likes, limits, keys, steps, heap, done)
            if done == len(targets):
                return
            self._pairs = with_room(self._pairs, int(targets[done]), len(predecessors[done]))

    def take_back(self, row: int, predecessors: Keys, liked: bool) -> None:
        """Undo `learn` of one event; counts end at 0. Lists are right again after `relist`."""
        if row < len(self._pairs.rows):
            self._may_be_stale = True
            steps = self._steps_of(len(predecessors))[:, : len(predecessors)]
            kernels.take_back(self._pairs, row, _column(predecessors), steps[0], steps[1 + int(liked)])

    def cut(self, row: int, entries: int) -> None:
        """Keep the `entries` (at least 1) largest of a row. Lists are right again after `relist`."""
        if entries < 1:
            raise ValueError(f"a row is cut to 1 pair at least, not to {entries}: drop it")
        if row < len(self._pairs.rows):
            self._have_room(row, 0)
            self._may_be_stale = True
            kernels.cut(self._pairs, row, np.empty(entries, dtype=np.int64))

    def relist(self) -> None:
        """Rebuild those lists that left out what may be among their largest by now; O(pairs) if there are any."""
        if self._may_be_stale and self._pairs.lists[: self._pairs.totals[LISTS], STALE].any():
            kernels.relist(self._pairs)
        self._may_be_stale = False

    def drop(self, row: int) -> None:
        """Forget a row. Lists are right again after `relist`."""
        if row < len(self._pairs.rows):
            self._may_be_stale = True
            kernels.drop(self._pairs, row)

    def row(self, row: int) -> PairRow:
        """The counts of a row, empty of one that has none."""
        start = self._pairs.rows[row, START] if row < len(self._pairs.rows) else -1
        if start < 0:
            return PairRow(*np.zeros((3, 0), dtype=np.uint32))
        block = self._pairs.row_blocks.entries[start : start + (SMALLEST << int(self._pairs.rows[row, SIZE]))]
        keys, near, liked = block.T
        kept = np.flatnonzero((keys != kernels.EMPTY) & ((near | liked) > 0))
        return PairRow(*block[kept[keys[kept].argsort()]].T.copy())

    def put(self, row: int, counts: PairRow) -> None:
        """Make these a row's counts; pairs without any are none. Lists are right again after `relist`."""
        self._have_rows(row + 1)
        self._have_room(row, len(counts.keys))
        self._may_be_stale = True
        kernels.put(self._pairs, row, *map(_column, counts))

    def pack(self, row: int) -> bytes:
        """A row's counts: see `models.state.pair_bytes.pack_row`."""
        return pack_row(self.row(row))

    def load(self, row: int, reader: Reader) -> None:
        """Make what `pack` wrote a row's counts; ValueError on truncated or malformed bytes, changing nothing."""
        self.put(row, read_row(reader))

    def successors(self, keys: Keys, weights: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Rows that came after any of `keys`, int32 (n,), and Σ weights · (near, liked) of each, float64 (n, 2).

        `weights` float64 (len(keys), 2), not negative; a row without a sum above 0 is not among them, others once.
        """
        wanted = np.array(weights, dtype=np.float64, order="C")
        found = kernels.ask(self._pairs, _column(keys), wanted, self._sums, self._touched, self._taken)
        return self._touched[:found].copy(), self._taken[:found].copy()

    def counts(self, rows: NDArray[np.intp], keys: Keys) -> NDArray[np.int64]:
        """(near, liked) of each pair of `rows` and `keys`, int64 (rows, keys, 2)."""
        self._have_rows(
            int(np.max(rows, initial=-1)) + 1
        )  # a slot may have been given out to an item without any counts
        counts = np.zeros((len(rows), len(keys), 2), dtype=np.int64)
        kernels.look_up(self._pairs, np.array(rows, dtype=np.int64), _column(keys), counts)
        return counts

    def lists(self) -> dict[int, PairRow]:
        """Every list that is not empty, by the predecessor's index; its successors by their own index.

        Two tables of equal rows have equal lists, in whatever order rows came, once `relist` has been called.
        """
        pairs, found = self._pairs, {}
        for at in np.flatnonzero(pairs.names != EMPTY).tolist():
            start, used = pairs.lists[pairs.numbers[at]][[START, USED]].tolist()
            entries = pairs.list_blocks.entries[start : start + used]
            successors = pairs.ties[entries[:, KEY]]
            order = successors.argsort(kind="stable")
            if used:
                found[int(pairs.names[at])] = PairRow(successors[order], entries[order, NEAR], entries[order, LIKED])
        return found

    @property
    def pairs(self) -> int:
        """Pairs in all rows; O(1)."""
        return int(self._pairs.totals[PAIRS])

    def pairs_of(self, rows: Sequence[int] | NDArray[np.intp]) -> int:
        """Pairs in these rows."""
        found = np.asarray(rows, dtype=np.intp)
        return int(self._pairs.rows[found[found < len(self._pairs.rows)], LIVE].sum())

    @property
    def cuts(self) -> Cuts:
        """What bounds and `cut` took since the table was made."""
        return Cuts(int(self._pairs.totals[ROWS_CUT]), int(self._pairs.totals[PAIRS_CUT]))

    @property
    def bytes(self) -> int:
        """Memory that is given out to rows and lists."""
        return 12 * int(self._pairs.row_blocks.top[0] + self._pairs.list_blocks.top[0])

    def _steps_of(self, count: int) -> Counts:
        """What an event adds to at least `count` predecessors by position, see `pair_kernels.learn`."""
        if count > self._steps.shape[1]:
            self._steps = _steps(self._near_window, count)
        return self._steps

    def _have_rows(self, count: int) -> None:
        if count > len(self._pairs.rows):
            self._pairs = with_rows(self._pairs, count)
            self._make_scratch()

    def _have_room(self, row: int, more: int) -> None:
        if not kernels.has_room(self._pairs, row, more):
            self._pairs = with_room(self._pairs, row, more)

    def _make_scratch(self) -> None:
        self._sums, self._taken = np.zeros((2, len(self._pairs.rows), 2))
        self._touched = np.zeros(len(self._pairs.rows), dtype=np.int32)


def _steps(near_window: int, count: int) -> Counts:
    """What an event adds to `count` predecessors, uint32 (3, count): to `near`; to `liked` if it is not, if it is."""
    steps = np.zeros((3, count), dtype=np.uint32)
    steps[0, :near_window] = TRANSITION_UNIT // np.arange(1, min(near_window, count) + 1)
    steps[2] = 1
    return steps


def _column(indices: Keys) -> Keys:
    """A copy that kernels take as it is: they are compiled for one layout, writable and contiguous."""
    return np.array(indices, dtype=np.uint32)
