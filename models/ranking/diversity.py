"""Lists that don't say the same thing ten times."""

import numpy as np
from numpy.typing import NDArray


def diversify(
    scores: NDArray[np.float64],
    vectors: NDArray[np.float32],
    limit: int,
    diversity: float,
    groups: NDArray[np.intp] | None = None,
    room: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Places of up to `limit` candidates by maximal marginal relevance, best first, intp (≤ limit,).

    Takes the candidate with the largest (1 − diversity) · score / top score − diversity · (largest cosine to
    one already taken); ties go to the earlier place. `scores` float64 (n,), best first; `vectors` float32
    (n, dim), rows of unit length or zero; diversity in 0…1, 0 keeps the order. With `groups` intp (n,), at most
    `room` intp (groups,) of each. O(limit · n · dim).
    Carbonell & Goldstein 1998, "The use of MMR, diversity-based reranking".

    >>> twins = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    >>> diversify(np.array([1.0, 0.9, 0.8]), twins, limit=2, diversity=0.5).tolist()
    [0, 2]
    """
    if len(scores) == 0 or (diversity <= 0.0 and groups is None):
        return np.arange(min(limit, len(scores)))
    top = float(np.abs(scores).max()) or 1.0
    relevance = (1.0 - diversity) * scores / top
    nearest = np.zeros(len(scores))
    left = np.ones(len(scores), dtype=np.bool_) if groups is None or room is None else room[groups] > 0
    taken: list[int] = []
    while len(taken) < limit and left.any():
        best = int(np.argmax(np.where(left, relevance - diversity * nearest, -np.inf)))
        taken.append(best)
        left[best] = False
        if groups is not None and room is not None:
            left &= np.bincount(groups[taken], minlength=len(room))[groups] < room[groups]
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return np.array(taken, dtype=np.intp)
