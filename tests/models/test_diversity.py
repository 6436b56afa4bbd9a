"""Maximal marginal relevance."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.ranking.diversity import diversify

SCORES = np.array([1.0, 0.95, 0.9, 0.2])
VECTORS = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)


def test_without_diversity_the_order_stays() -> None:
    assert diversify(SCORES, VECTORS, limit=3, diversity=0.0).tolist() == [0, 1, 2]


def test_twin_of_the_first_gives_way_to_something_else() -> None:
    assert diversify(SCORES, VECTORS, limit=2, diversity=0.3).tolist() == [0, 2]


def test_irrelevant_item_does_not_win_by_being_different() -> None:
    scores, vectors = np.array([1.0, 0.9, 0.01]), np.array([[1, 0], [0.9, 0.44], [0, 1]], dtype=np.float32)
    assert diversify(scores, vectors, limit=2, diversity=0.3).tolist() == [0, 1]


@given(st.integers(0, 6), st.floats(0, 1))
def test_every_candidate_comes_at_most_once(limit: int, diversity: float) -> None:
    chosen = diversify(SCORES, VECTORS, limit, diversity).tolist()
    assert len(chosen) == len(set(chosen)) == min(limit, len(SCORES))


def test_no_candidates_give_an_empty_list() -> None:
    assert diversify(np.zeros(0), np.zeros((0, 2), dtype=np.float32), limit=5, diversity=0.5).tolist() == []
