"""The nearest items of every item, all at once: for lists that are computed before any request."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.factorization.collaborative import COLLABORATIVE_SHARE, hybrid_scores

Floats = NDArray[np.float32]

BLOCK = 128
"""Items processed together: fewer use the processor badly, more hold 20 bytes an item and pair in memory."""


class Neighbours(NamedTuple):
    """The nearest `positions` of the item at `position`, best first, and their `scores` above 0, float32 (≤ k,)."""

    position: int
    positions: NDArray[np.intp]
    scores: Floats


def nearest(
    vectors: Floats, content: Floats, turned: Floats, k: int, share: float = COLLABORATIVE_SHARE
) -> Iterator[Neighbours]:
    """The `k` best by `hybrid_scores` for each item in turn, itself left out; ties by place.

    `vectors` float32 (n, dim), zeros for an item without one; `content` float32 (n, text dim), `turned` the same as
    queries (`Rarity.turn`). O(n² · (dim + text dim)) time, 128 · n · 20 bytes of memory.

    >>> vectors = np.array([[1, 0], [0.9, 0.1], [0, 1]], dtype=np.float32)
    >>> alike = np.eye(3, dtype=np.float32)
    >>> [found.positions.tolist() for found in nearest(vectors, alike, alike, k=1)]
    [[1], [0], [1]]
    """
    for start in range(0, len(vectors), BLOCK):
        block = slice(start, min(start + BLOCK, len(vectors)))
        near, alike = vectors[block] @ vectors.T, turned[block] @ content.T
        own = np.arange(block.start, block.stop)
        near[own - start, own] = alike[own - start, own] = 0.0
        for position, scores in zip(own.tolist(), hybrid_scores(near, alike, share), strict=True):
            best = np.argsort(-scores, kind="stable")[:k] if k * 20 > len(scores) else _best(scores, k)
            best = best[scores[best] > 0.0]
            yield Neighbours(position, best, scores[best])


def _best(scores: Floats, k: int) -> NDArray[np.intp]:
    cut = np.partition(scores, len(scores) - k)[len(scores) - k]
    positions = np.flatnonzero(scores >= cut)
    found: NDArray[np.intp] = positions[np.argsort(-scores[positions], kind="stable")[:k]]
    return found
