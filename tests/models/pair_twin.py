"""The counts of a `PairTable` in dicts, without a block, a list or a compiler."""

from collections.abc import Sequence

import numpy as np

from models.state.item_state import NEAR_WINDOW, TRANSITION_UNIT
from models.state.pair_kernels import LIST_BOUND
from models.state.pair_table import Cuts, PairRow, PairTable

Counts = dict[int, tuple[int, int]]
"""{predecessor: (near, liked)}."""


class Twin:
    """Changes one after the other, each from its definition; what is compared is made anew when asked."""

    def __init__(self, near_window: int = NEAR_WINDOW) -> None:
        self._near_window = near_window
        self._rows: dict[int, Counts] = {}
        self.cuts = Cuts(0, 0)

    def learn(self, row: int, keys: Sequence[int], liked: bool, bound: int = 0) -> None:
        counts = self._rows.setdefault(row, {})
        for position, key in enumerate(keys):
            near, likes = counts.get(key, (0, 0))
            counts[key] = (near + self._near(position), likes + liked)
        self._forget_zeros(row)
        if bound and len(counts) >= 2 * bound:
            self.cut(row, bound)

    def take_back(self, row: int, keys: Sequence[int], liked: bool) -> None:
        counts = self._rows.get(row, {})
        for position, key in enumerate(keys):
            if key in counts:
                near, likes = counts[key]
                counts[key] = (max(0, near - self._near(position)), max(0, likes - liked))
        self._forget_zeros(row)

    def put(self, row: int, counts: Counts) -> None:
        self._rows[row] = dict(counts)
        self._forget_zeros(row)

    def drop(self, row: int) -> None:
        self._rows.pop(row, None)

    def cut(self, row: int, entries: int) -> None:
        counts = self._rows.get(row, {})
        leave = sorted(counts, key=lambda key: (-rank(counts[key]), key))[entries:]
        for key in leave:
            del counts[key]
        self.cuts = Cuts(self.cuts.rows + bool(leave), self.cuts.pairs + len(leave))

    def row(self, row: int) -> Counts:
        return dict(sorted(self._rows.get(row, {}).items()))

    def list_of(self, key: int, tie: Sequence[int]) -> set[int]:
        found = {row: counts[key] for row, counts in self._rows.items() if key in counts}
        return set(sorted(found, key=lambda row: (-rank(found[row]), tie[row]))[:LIST_BOUND])

    @property
    def pairs(self) -> int:
        return sum(map(len, self._rows.values()))

    def _near(self, position: int) -> int:
        return TRANSITION_UNIT // (position + 1) if position < self._near_window else 0

    def _forget_zeros(self, row: int) -> None:
        for key in [key for key, counts in self._rows.get(row, {}).items() if counts == (0, 0)]:
            del self._rows[row][key]


def rank(counts: tuple[int, int]) -> int:
    near, liked = counts
    return near + TRANSITION_UNIT * liked


def counts_of(row: PairRow) -> Counts:
    return dict(
        zip(row.keys.tolist(), zip(row.near.tolist(), row.liked.tolist(), strict=True), strict=True),
    )


def row_of(counts: Counts) -> PairRow:
    columns = np.array([(key, *counts[key]) for key in sorted(counts)], dtype=np.uint32).reshape(-1, 3)
    return PairRow(*columns.T)


def listed(table: PairTable, key: int) -> set[int]:
    rows, _ = table.successors(np.array([key], dtype=np.uint32), np.ones((1, 2)))
    assert len(set(rows.tolist())) == len(rows)
    return set(rows.tolist())
