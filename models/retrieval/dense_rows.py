"""Dense vectors by slot in one matrix that grows by doubling: a search is one matrix product."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FIRST_SLOTS = 64
NO_MATCH = np.float32(-np.inf)
"""Score of a slot that must not be returned; real scores are finite."""


class DenseRows:
    """One float32 vector of `dim` values per slot, or none; setting costs O(dim), scoring O(slots × dim).

    >>> rows = DenseRows(dim=2)
    >>> rows.set(1, np.array([3.0, 4.0], dtype=np.float32))
    >>> rows.scores(np.array([1.0, 1.0], dtype=np.float32), 3).tolist()
    [-inf, 7.0, -inf]
    """

    def __init__(self, dim: int) -> None:
        self._matrix = np.zeros((_FIRST_SLOTS, dim), dtype=np.float32)
        self._present = np.zeros(_FIRST_SLOTS, dtype=np.bool_)

    def set(self, slot: int, vector: Floats) -> None:
        """Store a copy of `vector`, float32 (dim,)."""
        while slot >= len(self._present):
            self._matrix = np.concatenate([self._matrix, np.zeros_like(self._matrix)])
            self._present = np.concatenate([self._present, np.zeros_like(self._present)])
        self._matrix[slot] = vector
        self._present[slot] = True

    def clear(self, slot: int) -> None:
        """Forget the slot's vector; without one nothing happens."""
        if slot < len(self._present):
            self._present[slot] = False

    def get(self, slot: int) -> Floats | None:
        """Return a copy of the slot's vector, or None."""
        if slot < len(self._present) and self._present[slot]:
            vector: Floats = self._matrix[slot].copy()
            return vector
        return None

    def present(self, slots: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of these slots have a vector, bool (n,)."""
        found = np.zeros(len(slots), dtype=np.bool_)
        within = slots < len(self._present)
        found[within] = self._present[slots[within]]
        return found

    def rows(self, slots: NDArray[np.intp]) -> Floats:
        """Vectors of these slots, float32 (n, dim); zeros where there is none."""
        known = self.present(slots)
        if known.all():
            whole: Floats = self._matrix[slots]
            return whole
        found = np.zeros((len(slots), self._matrix.shape[1]), dtype=np.float32)
        found[known] = self._matrix[slots[known]]
        return found

    def scores(self, query: Floats, slots: int) -> Floats:
        """Dot product of `query` with the first `slots` rows, float32 (slots,); empty ones NO_MATCH."""
        scores = np.full(slots, NO_MATCH, dtype=np.float32)
        known = min(slots, len(self._present))
        np.matmul(self._matrix[:known], query, out=scores[:known])
        scores[:known][~self._present[:known]] = NO_MATCH
        return scores
