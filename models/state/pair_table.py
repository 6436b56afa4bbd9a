"""How often an item came after another one, both ways: exact rows by successor, bounded lists by predecessor."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.primitives.packing import Reader
from models.state import pair_kernels as kernels
from models.state.item_state import NEAR_WINDOW, TRANSITION_UNIT
from models.state.pair_kernels import EMPTY, KEY, LIKED, NEAR, SIZE, SMALLEST, START, USED, Array, Blocks, Pairs

Keys = NDArray[np.uint32]
Counts = NDArray[np.uint32]

_FIRST_ROWS = 1_024
_FIRST_ENTRIES = 1 << 16
_SIZE_CLASSES = 28
_COUNT = struct.Struct("<IB")
_COLUMN = np.dtype("<u4")
_NO_PAIRS = _COUNT.pack(0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class PairRow:
    """One item's counts: predecessors' indices, uint32 (n,), sorted; `near`, `liked`, uint32 (n,)."""

    keys: Keys
    near: Counts
    liked: Counts


class PairTable:
    """Counts of (predecessor, successor); rows are numbers from 0 on, predecessors sparse indices of item ids.

    Of each pair: `near`, 2520 · Σ 1/distance over the events on the successor at most 10 items after the predecessor,
    and `liked`, the events of positive weight at most 50 items after it. Rows are exact. What comes after an item is
    read from its list, the 200 largest by near + 2520 · liked, equal ones by the successor's index: a function of the
    rows, whatever the order in which they filled. Memory: 12 bytes a pair in a row and 12 in a list, blocks of both
    between 3/8 and 3/4 full; learning costs about 0.1 µs a predecessor.

    >>> table = PairTable()
    >>> table.learn([1, 1], [np.array([7], dtype=np.uint32)] * 2, [True, False])
    >>> table.row(1).near.tolist(), table.row(1).liked.tolist()
    ([5040], [1])
    >>> rows, sums = table.successors(np.array([7], dtype=np.uint32), np.ones((1, 2)))
    >>> rows.tolist(), sums.tolist()
    ([1], [[5040.0, 1.0]])
    """

    def __init__(self, near_window: int = NEAR_WINDOW) -> None:
        """`near_window`: how many predecessors of an event count in `near`."""
        self._near_window = near_window
        self._pairs = Pairs(
            rows=_no_blocks(_FIRST_ROWS, 3),
            ties=np.zeros(_FIRST_ROWS, dtype=np.uint32),
            row_blocks=_blocks(_FIRST_ENTRIES),
            names=np.full(4 * _FIRST_ROWS, EMPTY, dtype=np.uint32),
            numbers=np.zeros(4 * _FIRST_ROWS, dtype=np.int64),
            known=np.zeros(1, dtype=np.int64),
            lists=_no_blocks(_FIRST_ROWS, 6),
            list_blocks=_blocks(_FIRST_ENTRIES),
            totals=np.zeros(3, dtype=np.int64),
        )
        self._sums = np.zeros((_FIRST_ROWS, 2))
        self._touched = np.zeros(_FIRST_ROWS, dtype=np.int32)

    def name(self, row: int, index: int) -> None:
        """Have a row, with the sparse index of its own item: it decides among equals."""
        while row >= len(self._pairs.rows):
            self._more_rows()
        self._pairs.ties[row] = index

    def learn(
        self,
        rows: Sequence[int],
        predecessors: Sequence[Keys],
        liked: Sequence[bool],
        bounds: Sequence[int] | None = None,
    ) -> None:
        """Count events: on which row, after which items (nearest first, at most 50), whether of positive weight.

        A row that has 2 · its event's bound of pairs after it is cut to as many as the bound (`kernels.cut`); 0: none.
        """
        ends = np.cumsum([len(keys) for keys in predecessors])
        keys = known_keys(np.concatenate([np.zeros(0, dtype=np.uint32), *predecessors]))
        targets, likes = np.array(rows, dtype=np.int64), np.array(liked, dtype=np.int64)
        limits = np.array(bounds or [0] * len(rows), dtype=np.int64)
        self.name_all(targets)
        done = 0
        while done < len(targets):
            done = kernels.learn(self._pairs, targets, ends, likes, limits, keys, self._near_window, done)
            if done < len(targets):
                self._grow(int(targets[done]), len(predecessors[done]))

    def name_all(self, rows: Array) -> None:
        """Have rows up to the largest of these."""
        while len(rows) and rows.max() >= len(self._pairs.rows):
            self._more_rows()

    def take_back(self, row: int, predecessors: Keys, liked: bool) -> None:
        """Undo `learn` of one event; counts end at 0. Lists are right again after `relist`."""
        if row >= len(self._pairs.rows):
            return
        for position, key in enumerate(known_keys(predecessors).tolist()):
            near = TRANSITION_UNIT // (position + 1) if position < self._near_window else 0
            kernels.take_back(self._pairs, row, key, near, int(liked))

    def relist(self) -> None:
        """Rebuild those lists that left out what may be among their largest by now; O(pairs) if there are any."""
        if self._pairs.lists[: self._pairs.known[0], kernels.STALE].any():
            kernels.relist(self._pairs)

    def drop(self, row: int) -> None:
        """Forget a row."""
        if row < len(self._pairs.rows) and self._pairs.rows[row, START] >= 0:
            kernels.drop(self._pairs, row)

    def row(self, row: int) -> PairRow:
        """The counts of a row, empty of one that has none."""
        start = self._pairs.rows[row, START] if row < len(self._pairs.rows) else -1
        if start < 0:
            return PairRow(*np.zeros((3, 0), dtype=np.uint32))
        block = self._pairs.row_blocks.entries[start : start + (SMALLEST << int(self._pairs.rows[row, SIZE]))]
        kept = block[(block[:, 0] != EMPTY) & ((block[:, NEAR] > 0) | (block[:, LIKED] > 0))]
        keys, near, liked = kept[kept[:, 0].argsort()].T
        return PairRow(keys, near, liked)

    def put(self, row: int, counts: PairRow) -> None:
        """Make these a row's counts."""
        self.drop(row)
        if not len(counts.keys):
            return
        self.name_all(np.array([row]))
        while not kernels.has_room(self._pairs, row, len(counts.keys)):
            self._grow(row, len(counts.keys))
        kernels.put(self._pairs, row, known_keys(counts.keys), counts.near, counts.liked)

    def pack(self, row: int) -> bytes:
        """The counts of a row, little-endian: how many, bytes of a count (1, 2 or 4), then columns; 6 to 12 a pair."""
        if row >= len(self._pairs.rows) or self._pairs.rows[row, START] < 0:
            return _NO_PAIRS
        counts = self.row(row)
        most = max(int(counts.near.max(initial=0)), int(counts.liked.max(initial=0)))
        size = 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4
        near, liked = (column.astype(f"<u{size}").tobytes() for column in (counts.near, counts.liked))
        return b"".join((_COUNT.pack(len(counts.keys), size), counts.keys.astype(_COLUMN).tobytes(), near, liked))

    def load(self, row: int, reader: Reader) -> None:
        """Take the counts that `pack` wrote, instead of those that the row has; ValueError if they are malformed."""
        count, size = map(int, reader.fields(_COUNT))
        if size not in (1, 2, 4):
            raise ValueError(f"packed pairs: counts of {size} bytes")
        if not count:
            self.drop(row)
            return
        keys = np.frombuffer(reader.raw(4 * count), dtype=_COLUMN).astype(np.uint32)
        near, liked = (np.frombuffer(reader.raw(size * count), dtype=f"<u{size}").astype(np.uint32) for _ in range(2))
        if (keys[1:] <= keys[:-1]).any():
            raise ValueError("packed pairs: keys are not in their order")
        self.put(row, PairRow(keys, near, liked))

    def successors(self, keys: Keys, weights: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Rows that came after any of `keys`, int32 (n,), and Σ weights · (near, liked) of each, float64 (n, 2).

        `weights` float64 (len(keys), 2), each above 0 in one column at least.
        """
        found = self._touched[: kernels.ask(self._pairs, known_keys(keys), weights, self._sums, self._touched)].copy()
        sums = self._sums[found]
        self._sums[found] = 0.0
        return found, sums

    def counts(self, rows: NDArray[np.intp], keys: Keys) -> NDArray[np.int64]:
        """(near, liked) of each pair of `rows` and `keys`, int64 (rows, keys, 2)."""
        counts = np.zeros((len(rows), len(keys), 2), dtype=np.int64)
        kernels.look_up(self._pairs, rows, known_keys(keys), counts)
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
        """Pairs with counts in all rows."""
        return int(self._pairs.totals[kernels.PAIRS])

    @property
    def cuts(self) -> tuple[int, int]:
        """Rows that were cut at a bound, and pairs that they lost."""
        return int(self._pairs.totals[kernels.CUTS]), int(self._pairs.totals[kernels.LOST])

    @property
    def bytes(self) -> int:
        """Memory that is given out to rows and lists."""
        return 12 * int(self._pairs.row_blocks.top[0] + self._pairs.list_blocks.top[0])

    def _grow(self, row: int, more: int) -> None:
        """Make room for `more` predecessors of a row in everything that may be too small."""
        old = self._pairs
        in_row, in_lists = kernels.needs(old, row, more)
        known = int(old.known[0])
        lists, names, numbers = old.lists, old.names, old.numbers
        if known + more > len(lists):
            lists = _longer(lists, 2 * len(lists))
        if 2 * (known + more) > len(names):
            names, numbers = np.full(2 * len(names), EMPTY, np.uint32), np.zeros(2 * len(names), np.int64)
        self._pairs = old._replace(
            row_blocks=_with_room(old.row_blocks, in_row),
            list_blocks=_with_room(old.list_blocks, in_lists),
            lists=lists,
            names=names,
            numbers=numbers,
        )
        if names is not old.names:
            kernels.rename(self._pairs, old.names, old.numbers)

    def _more_rows(self) -> None:
        count = 2 * len(self._pairs.rows)
        rows = _longer(self._pairs.rows, count)
        rows[count // 2 :, START] = -1
        self._pairs = self._pairs._replace(rows=rows, ties=_longer(self._pairs.ties, count))
        self._sums, self._touched = np.zeros((count, 2)), np.zeros(count, dtype=np.int32)


def known_keys(indices: Keys) -> Keys:
    """Sparse indices as keys: one of 4 billion stands for a free place, and counts as its neighbour."""
    return np.minimum(indices, np.uint32(EMPTY - 1))


def _no_blocks(count: int, columns: int) -> Array:
    found = np.zeros((count, columns), dtype=np.int64)
    found[:, START] = -1
    return found


def _blocks(entries: int) -> Blocks:
    return Blocks(
        np.zeros((entries, 3), dtype=np.uint32), np.full(_SIZE_CLASSES, -1, np.int64), np.zeros(1, dtype=np.int64)
    )


def _with_room(blocks: Blocks, more: int) -> Blocks:
    """The same blocks with room for `more` entries: half as much again, which is memory only once it is written."""
    size = len(blocks.entries)
    while int(blocks.top[0]) + more > size:
        size += max(size // 2, more)
    return blocks if size == len(blocks.entries) else blocks._replace(entries=_longer(blocks.entries, size))


def _longer(array: Array, count: int) -> Array:
    """A copy of `count` entries, zeros at the end."""
    longer = np.zeros((count, *array.shape[1:]), dtype=array.dtype)
    longer[: len(array)] = array
    return longer
