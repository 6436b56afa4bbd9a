"""Ratings as columns, one numpy array per field."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ratings:
    """Rows of (user, item, value, time): int64, int64, float32 stars, int64 epoch ms; all of shape (n,).

    >>> import numpy as np
    >>> later, sooner = np.array([7]), np.array([3])
    >>> ratings = Ratings(np.r_[1, 2], np.r_[10, 20], np.float32([4, 5]), np.r_[later, sooner])
    >>> ratings.in_time_order().user
    array([2, 1])
    """

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    value: NDArray[np.float32]
    time_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> "Ratings":
        return Ratings(self.user[rows], self.item[rows], self.value[rows], self.time_ms[rows])

    def in_time_order(self) -> "Ratings":
        """The same rows by time; rows of one instant keep their order, so the result is reproducible."""
        return self[np.argsort(self.time_ms, kind="stable")]


def concatenate(blocks: Sequence[Ratings]) -> Ratings:
    """All rows of `blocks`, in order; at least one block."""
    return Ratings(
        np.concatenate([block.user for block in blocks]),
        np.concatenate([block.item for block in blocks]),
        np.concatenate([block.value for block in blocks]),
        np.concatenate([block.time_ms for block in blocks]),
    )
