"""Item vectors out of co-occurrence counts: items that the same users like lie near each other."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.factorization.sparse_matrix import SparseMatrix
from models.factorization.svd import OVERSAMPLING, rows_visited, truncated_svd

Floats = NDArray[np.float32]

COLLABORATIVE_SHARE = 0.7
"""Weight of collaborative similarity in the hybrid; the rest is content's."""


def item_vectors(counts: SparseMatrix, dim: int, seed: int = 0, on_row: Callable[[], None] = lambda: None) -> Floats:
    """float32 (items, dim), compared by their dot product; zeros for an item without counts.

    `counts` (items, items): row b, column a says how often b was liked after a. Vectors are U · √Λ, from the subspace
    of the truncated SVD of `normalised(counts)` and its eigenvalues above 0 (Rayleigh-Ritz): a dot product is two
    items' smoothed normalised count, so that frequent items keep their weight. Memory: 80 bytes an entry of `counts`
    while the matrix is made, 32 afterwards, and 20 · items · (dim + 32) bytes for the factors.

    >>> pairs = np.array([[0, 1, 2], [3, 4, 5]])
    >>> counts = SparseMatrix.of_triples(pairs[1], pairs[0], np.array([5.0, 5.0, 0.0]), (6, 6))
    >>> near = item_vectors(counts, dim=2)
    >>> ((near @ near.T)[0].astype(float).round(3) + 0.0).tolist()
    [0.25, 0.0, 0.0, 0.25, 0.0, 0.0]
    """
    matrix = normalised(counts)
    # Eigenvalues come in pairs of ± where items fall into two halves: room for both, so that the wanted ones are there.
    basis = truncated_svd(matrix, dim + OVERSAMPLING, seed, on_row=on_row).left
    values, turns = np.linalg.eigh((basis.T @ matrix.times(basis, on_row)).astype(np.float64))
    kept = np.flatnonzero(values > _SILENT * values.max(initial=0.0))[::-1][:dim]
    found = np.zeros((counts.shape[0], dim), dtype=np.float32)
    found[:, : len(kept)] = basis @ (turns[:, kept] * np.sqrt(values[kept]))
    # What is left of an empty row is rounding: it must not count as a vector.
    lengths = np.linalg.norm(found, axis=1)
    found[lengths <= _SILENT * lengths.max(initial=0.0)] = 0.0
    return found


def steps(counts: SparseMatrix) -> int:
    """How often `item_vectors` calls `on_row`, for a progress bar."""
    return rows_visited(counts.shape) + counts.shape[0]


def normalised(counts: SparseMatrix) -> SparseMatrix:
    """Symmetric cosine of the counts: (c_ab + c_ba) / √((t_a + s)(t_b + s)).

    t is an item's total; the shift s = Σt² / Σt, the total of the item that an average count belongs to, holds rare
    items back whose few counts are chance, and grows with the data. After the item-item cosine of Sarwar et al. 2001.

    >>> counts = SparseMatrix.of_triples(np.array([1]), np.array([0]), np.array([4.0]), (3, 3))
    >>> normalised(counts).times(np.eye(3, dtype=np.float32)).tolist()
    [[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    rows, columns = counts.owners(), counts.columns
    both = SparseMatrix.of_triples(
        np.concatenate([rows, columns]), np.concatenate([columns, rows]), np.tile(counts.values, 2), counts.shape
    )
    owners = both.owners()
    totals = np.bincount(owners, weights=both.values, minlength=counts.shape[0])
    shift = float((totals**2).sum() / totals.sum()) if totals.any() else 1.0
    scaled = both.values / np.sqrt((totals[owners] + shift) * (totals[both.columns] + shift))
    return both.with_values(scaled.astype(np.float32))


def hybrid_scores(collaborative: Floats, content: Floats, share: float = COLLABORATIVE_SHARE) -> Floats:
    """share · collaborative + (1 − share) · content, each relative to the row's largest, float32 (m, n).

    Nearness below 0 counts as 0. An item without a collaborative vector has zeros there and is found by what it is
    like alone; of a row without any, content alone decides.

    >>> near, alike = np.array([[0.2, 0.0]], dtype=np.float32), np.array([[0.5, 1.0]], dtype=np.float32)
    >>> hybrid_scores(near, alike).astype(float).round(2).tolist()
    [[0.85, 0.3]]
    """
    mixed: Floats = np.float32(share) * _relative(collaborative) + np.float32(1 - share) * _relative(content)
    return mixed


def _relative(scores: Floats) -> Floats:
    positive = np.maximum(scores, np.float32(0))
    largest = positive.max(axis=1, initial=0.0, keepdims=True)
    found: Floats = np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0.0)
    return found


_SILENT = 1e-4
"""Length of a vector, relative to the longest, below which it is rounding."""
