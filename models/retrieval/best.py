"""The best of many, the same ones whatever the order in which they stand."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]


def best(scores: Floats, keys: Keys, width: int) -> NDArray[np.intp]:
    """Positions of the `width` largest scores above 0, best first; among equals the smaller key goes first. O(n).

    `keys`: of what stands at each position, uint64 (n,): slots are numbered differently in every process.

    >>> best(np.array([1.0, 3.0, 1.0, 0.0]), np.array([9, 8, 7, 6], dtype=np.uint64), 2).tolist()
    [1, 2]
    """
    positions = np.flatnonzero(scores > 0.0)
    if len(positions) > width:
        found = scores[positions]
        positions = positions[found >= np.partition(found, len(found) - width)[len(found) - width]]
    return positions[np.lexsort((keys[positions], -scores[positions]))[:width]]
