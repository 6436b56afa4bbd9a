"""The truncated SVD agrees with numpy's whole one, and its item vectors with what is known by construction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.factorization.collaborative import hybrid_scores, item_vectors, normalised, steps
from models.factorization.pair_counts import pair_counts
from models.factorization.sparse_matrix import SparseMatrix, counts_matrix
from models.factorization.svd import rows_visited, truncated_svd


def matrix_of(dense: np.ndarray) -> SparseMatrix:
    rows, columns = np.nonzero(dense)
    return SparseMatrix.of_triples(rows, columns, dense[rows, columns], dense.shape)


def decaying(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A dense matrix whose singular values halve."""
    rng = np.random.default_rng(seed)
    least = min(height, width)
    left, _ = np.linalg.qr(rng.standard_normal((height, least)))
    right, _ = np.linalg.qr(rng.standard_normal((width, least)))
    found: np.ndarray = (left * 2.0 ** -np.arange(least)) @ right.T
    return found


def clusters(size: int = 60, seed: int = 3) -> SparseMatrix:
    """Counts of two halves of items that are hardly ever liked together."""
    rng = np.random.default_rng(seed)
    half = size // 2
    counts = rng.poisson(0.02, (size, size))
    counts[:half, :half] += rng.poisson(4, (half, half))
    counts[half:, half:] += rng.poisson(4, (half, half))
    np.fill_diagonal(counts, 0)
    return matrix_of(counts.astype(np.float64))


@pytest.mark.parametrize("shape", [(80, 80), (120, 40), (40, 120)])
def test_singular_values_are_those_of_the_whole_svd(shape: tuple[int, int]) -> None:
    dense = decaying(*shape)
    found = truncated_svd(matrix_of(dense), 8, seed=1)
    assert found.singular == pytest.approx(np.linalg.svd(dense, compute_uv=False)[:8], rel=1e-3)


def test_no_matrix_of_that_rank_is_nearer() -> None:
    dense = np.random.default_rng(5).random((90, 70)) * (np.random.default_rng(6).random((90, 70)) < 0.2)
    found = truncated_svd(matrix_of(dense), 10, seed=1)
    lost = np.linalg.norm(dense - (found.left * found.singular) @ found.right.T)
    best = np.sqrt((np.linalg.svd(dense, compute_uv=False)[10:] ** 2).sum())
    assert lost == pytest.approx(best, rel=0.01)


def test_vectors_of_a_side_are_orthonormal() -> None:
    found = truncated_svd(matrix_of(decaying(70, 50)), 6, seed=2)
    for side in (found.left, found.right):
        assert side.T @ side == pytest.approx(np.eye(6), abs=1e-4)


def test_same_seed_gives_the_same_bits_and_another_one_the_same_values() -> None:
    matrix = matrix_of(decaying(60, 60))
    first, again, other = (truncated_svd(matrix, 5, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert np.abs(first.left) == pytest.approx(np.abs(other.left), abs=1e-3)


@given(st.integers(0, 6), st.integers(0, 6), st.integers(1, 9))
def test_small_and_empty_matrices_have_as_many_values_as_they_can(height: int, width: int, rank: int) -> None:
    found = truncated_svd(matrix_of(np.ones((height, width))), rank, seed=0)
    assert len(found.singular) == min(height, width, rank)
    assert all(np.isfinite(part).all() for part in found)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 4), st.integers(-3, 3)), max_size=40))
def test_products_are_those_of_the_dense_matrix(triples: list[tuple[int, int, int]]) -> None:
    dense = np.zeros((8, 5))
    for row, column, value in triples:
        dense[row, column] += value
    columns = np.array(triples, dtype=np.int64).reshape(-1, 3)
    matrix = SparseMatrix.of_triples(columns[:, 0], columns[:, 1], columns[:, 2], (8, 5))
    assert matrix.times(np.eye(5, dtype=np.float32)) == pytest.approx(dense)
    assert matrix.transposed().times(np.eye(8, dtype=np.float32)) == pytest.approx(dense.T)


def test_progress_is_told_as_often_as_announced() -> None:
    matrix, steps_done = matrix_of(decaying(30, 20)), [0]

    def count() -> None:
        steps_done[0] += 1

    truncated_svd(matrix, 4, seed=0, on_row=count)
    assert steps_done[0] == rows_visited(matrix.shape)
    steps_done[0] = 0
    item_vectors(clusters(), 8, on_row=count)
    assert steps_done[0] == steps(clusters())


def test_items_liked_together_are_near_and_others_are_not() -> None:
    vectors = item_vectors(clusters(), 4)
    near = vectors @ vectors.T
    assert near[:30, :30].min() > near[:30, 30:].max()


def test_dot_products_are_the_normalised_counts_when_dimensions_suffice() -> None:
    counts = clusters(20)
    dense = normalised(counts).times(np.eye(20, dtype=np.float32))
    values, turns = np.linalg.eigh(dense)
    positive = (turns[:, values > 0] * values[values > 0]) @ turns[:, values > 0].T
    vectors = item_vectors(counts, 20)
    assert vectors @ vectors.T == pytest.approx(positive, abs=1e-3)


def test_item_without_counts_has_no_vector() -> None:
    dense = clusters(20).times(np.eye(20, dtype=np.float32))
    dense[7, :] = dense[:, 7] = 0
    vectors = item_vectors(matrix_of(dense), 4)
    assert not vectors[7].any() and vectors[8].any()
    assert not item_vectors(matrix_of(np.zeros((5, 5))), 4).any()


def test_log_counts_what_the_rows_of_a_stream_count() -> None:
    users = np.array([0, 1, 0, 1, 0])
    items = np.array([0, 2, 1, 0, 2])
    liked = np.array([True, True, True, True, False])
    dense = pair_counts(users, items, liked, 3).times(np.eye(3, dtype=np.float32))
    assert dense.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_log_longer_than_a_block_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    log = (rng.integers(0, 5, 400), rng.integers(0, 30, 400), rng.random(400) < 0.6)
    whole = pair_counts(*log, 30).times(np.eye(30, dtype=np.float32))
    monkeypatch.setattr("models.factorization.pair_counts._BLOCK", 50)
    assert np.array_equal(pair_counts(*log, 30).times(np.eye(30, dtype=np.float32)), whole)


def test_rows_of_counts_become_a_matrix_without_unknown_keys() -> None:
    matrix = counts_matrix([(0, {11: 2}), (1, {10: 3, 99: 7})], {10: 0, 11: 1}, 2)
    assert matrix.times(np.eye(2, dtype=np.float32)).tolist() == [[0, 2], [3, 0]]


def test_hybrid_falls_back_to_content_where_nothing_is_known_of_users() -> None:
    nothing, alike = np.zeros((1, 3), dtype=np.float32), np.array([[0.1, 0.4, -0.2]], dtype=np.float32)
    assert hybrid_scores(nothing, alike)[0].argsort()[::-1].tolist()[:2] == [1, 0]
    assert (hybrid_scores(nothing, alike) >= 0).all()
