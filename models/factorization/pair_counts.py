"""Co-occurrence counts of a log of ratings: what a stream of the same events would have counted, all at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.factorization.sparse_matrix import SparseMatrix
from models.state.evidence import WINDOW

_BLOCK = 2_000_000
"""Pairs that are held before they are added up, 16 bytes each: fewer sort more often."""


def pair_counts(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    liked: NDArray[np.bool_],
    size: int,
    *,
    window: int = WINDOW,
    on_step: Callable[[], None] = lambda: None,
) -> SparseMatrix:
    """(size, size): row b, column a says how many users' likes of b came at most `window` events after a.

    `users`, `items` int64 (n,) numbered from 0, `liked` bool (n,), all in time order; `on_step` is called `window`
    times. An item does not count with itself. Memory: 32 bytes a distinct pair and 32 MB.

    >>> counts = pair_counts(np.array([0, 0, 0]), np.array([0, 1, 2]), np.array([True, True, False]), 3)
    >>> counts.times(np.eye(3, dtype=np.float32)).tolist()
    [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    order = np.argsort(users, kind="stable")
    users, items, liked = users[order], items[order], liked[order]
    positions, counts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    waiting: list[NDArray[np.int64]] = []
    for distance in range(1, window + 1):
        later, sooner = items[distance:], items[:-distance]
        kept = (users[distance:] == users[:-distance]) & liked[distance:] & (later != sooner)
        waiting.append(later[kept] * size + sooner[kept])
        if sum(map(len, waiting)) >= _BLOCK or distance == window:
            positions, counts = _added(positions, counts, np.concatenate(waiting))
            waiting = []
        on_step()
    return SparseMatrix.of_triples(positions // size, positions % size, counts, (size, size))


def _added(
    positions: NDArray[np.int64], counts: NDArray[np.int64], more: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found, inverse = np.unique(np.concatenate([positions, more]), return_inverse=True)
    amounts = np.concatenate([counts, np.ones(len(more), dtype=np.int64)])
    return found, np.bincount(inverse, weights=amounts, minlength=len(found)).astype(np.int64)
