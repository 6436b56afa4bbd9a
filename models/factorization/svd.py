"""The largest singular values of a large sparse matrix, and their vectors, by a random sketch of its range."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.factorization.sparse_matrix import SparseMatrix

Floats = NDArray[np.float32]

OVERSAMPLING = 16
"""Directions tried beyond those wanted: fewer miss some of the last ones, more cost time in proportion."""

POWER_ITERATIONS = 3
"""Times that the sketch goes through the matrix and back: counts have flat spectra, where one pass blurs the order."""


class Factors(NamedTuple):
    """`left` float32 (rows, k), `singular` float32 (k,) descending, `right` float32 (columns, k)."""

    left: Floats
    singular: Floats
    right: Floats


def truncated_svd(
    matrix: SparseMatrix,
    rank: int,
    seed: int,
    *,
    power_iterations: int = POWER_ITERATIONS,
    on_row: Callable[[], None] = lambda: None,
) -> Factors:
    """The `rank` largest singular triples of `matrix`, fewer if it is smaller; the same for the same seed.

    Randomised range finder with power iterations, orthonormal after each product, then an exact SVD of the small
    projection (Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithms 4.4 and 5.1).
    O(entries · rank) time a product, 2 · power_iterations + 2 products; besides the matrix and its transpose it
    holds three dense arrays of (rows + columns) · (rank + 16) float32. The sign of each pair is fixed: the largest
    entry of a left vector is positive.

    >>> rows, columns = np.array([0, 1, 2]), np.array([0, 1, 2])
    >>> diagonal = SparseMatrix.of_triples(rows, columns, np.array([1.0, 3.0, 2.0]), (3, 3))
    >>> truncated_svd(diagonal, 2, seed=1).singular.round(4).tolist()
    [3.0, 2.0]
    """
    height, width = matrix.shape
    tried = min(rank + OVERSAMPLING, height, width)
    if not tried:
        return Factors(*(np.zeros(shape, dtype=np.float32) for shape in ((height, 0), (0,), (width, 0))))
    back = matrix.transposed()
    sketch = np.random.default_rng(seed).standard_normal((width, tried), dtype=np.float32)
    basis = _orthonormal(matrix.times(sketch, on_row))
    for _ in range(power_iterations):
        basis = _orthonormal(matrix.times(_orthonormal(back.times(basis, on_row)), on_row))
    right, singular, rotation = np.linalg.svd(back.times(basis, on_row).astype(np.float64), full_matrices=False)
    left = basis @ rotation.T.astype(np.float32)
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(left.shape[1])])
    signs[signs == 0] = 1
    kept = slice(0, rank)
    return Factors(
        (left * signs)[:, kept], singular.astype(np.float32)[kept], (right * signs).astype(np.float32)[:, kept]
    )


def rows_visited(shape: tuple[int, int], power_iterations: int = POWER_ITERATIONS) -> int:
    """How often `truncated_svd` calls `on_row`, for a progress bar."""
    return (power_iterations + 1) * (shape[0] + shape[1])


def _orthonormal(columns: Floats) -> Floats:
    found: Floats = np.linalg.qr(columns)[0]
    return found
