"""From scores to places."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.ranking.fusion import FixedFusion, Situation
from models.ranking.ranking import Candidates, best_positions, rank
from models.retrieval.sources import TRENDING

TREND = Situation("trending")


@given(st.lists(st.integers(0, 5).map(float), max_size=40), st.integers(0, 50))
def test_best_places_are_those_of_a_full_sort(scores: list[float], limit: int) -> None:
    ids = [f"item-{(7 * position) % 41:02}" for position in range(len(scores))]
    everything = sorted(range(len(scores)), key=lambda position: (-scores[position], ids[position]))
    assert best_positions(np.array(scores), ids, limit) == everything[:limit]


def test_score_that_is_not_finite_sinks_and_is_counted() -> None:
    candidates = Candidates(["a", "b", "c"], {TRENDING: np.array([np.nan, 1.0, np.inf])})
    ranking = rank(candidates, FixedFusion(), TREND, limit=5)
    assert (ranking.positions, ranking.sunk) == ([1], 2)


def test_ties_go_to_the_smaller_id() -> None:
    candidates = Candidates(["c", "a", "b"], {TRENDING: np.array([1.0, 1.0, 1.0])})
    assert rank(candidates, FixedFusion(), TREND, limit=2).positions == [1, 2]


def test_diversity_replaces_a_twin() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    candidates = Candidates(["a", "b", "c"], {TRENDING: np.array([1.0, 0.95, 0.9])}, vectors)
    assert rank(candidates, FixedFusion(), TREND, limit=2).positions == [0, 1]
    assert rank(candidates, FixedFusion(), TREND, limit=2, diversity=0.5).positions == [0, 2]


def test_no_candidates_give_an_empty_list() -> None:
    assert rank(Candidates([], {TRENDING: np.zeros(0)}), FixedFusion(), TREND, limit=5).positions == []
