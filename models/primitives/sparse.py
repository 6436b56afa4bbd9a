"""A sparse vector: the form in which rows of counts and queries over them meet the index."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class SparseVector:
    """Indices uint32 (n,), sorted and unique; values float32 (n,), finite."""

    indices: NDArray[np.uint32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, weights: Mapping[int, float]) -> "SparseVector":
        """Build from {index: value}; zero values are left out.

        >>> SparseVector.of({7: 2.0, 3: 0.5, 9: 0.0})
        SparseVector(indices=array([3, 7], dtype=uint32), values=array([0.5, 2. ], dtype=float32))
        """
        kept = sorted((index, value) for index, value in weights.items() if value != 0.0)
        return cls(
            np.array([index for index, _ in kept], dtype=np.uint32),
            np.array([value for _, value in kept], dtype=np.float32),
        )

    @classmethod
    def of_columns(cls, indices: NDArray[np.uint32], values: NDArray[np.float32]) -> "SparseVector":
        """Build from unsorted unique indices and their values."""
        order = np.argsort(indices)
        return cls(indices[order], values[order])

    def __len__(self) -> int:
        return len(self.indices)

    def dot(self, other: "SparseVector") -> float:
        """Sum over common indices of the products; O((n + m) log n).

        >>> SparseVector.of({1: 2.0, 5: 1.0}).dot(SparseVector.of({5: 3.0, 6: 1.0}))
        3.0
        """
        _, mine, theirs = np.intersect1d(self.indices, other.indices, assume_unique=True, return_indices=True)
        return float(self.values[mine] @ other.values[theirs])
