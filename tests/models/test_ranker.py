"""A ranker that learns, never at the price of what holds for the fixed one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.primitives.ids import sparse_index
from models.primitives.sparse import SparseVector
from models.ranking.explain import Evidences, explain
from models.ranking.fusion import FixedFusion, LearningFusion, Scores, Situation, fuse_with
from models.ranking.ranker import BOUND, CHECKED_EVERY, RATE, OnlineRanker
from models.ranking.ranker_weights import SOURCES, RankerWeights, bucket_rows
from models.retrieval.sources import CONTENT, POPULARITY, TASTE, TRANSITIONS, TRENDING, transition_query

SITTING = Situation("for_user", 9, 60_000)
RETURNED = Situation("for_user", 9, 3 * 86_400_000)
raw = arrays(np.float64, 6, elements=st.integers(-10, 1_000).map(float))
found = st.dictionaries(st.sampled_from(SOURCES), raw, min_size=1)


def taught(times: int = 200, *, liking: str = TASTE, situation: Situation = SITTING) -> OnlineRanker:
    """A ranker that saw users choose, again and again, what `liking` put first."""
    ranker = OnlineRanker()
    scores = {TRANSITIONS: np.array([2.0, 1.0, 0.0]), liking: np.array([0.0, 0.0, 1.0])}
    for _ in range(times):
        ranker.learn(scores, situation, chosen=2)
    return ranker


@given(found, st.sampled_from([SITTING, RETURNED, Situation("for_user"), Situation("similar_items")]))
def test_untaught_ranker_gives_the_order_of_the_fixed_fusion(scores: Scores, situation: Situation) -> None:
    ours = OnlineRanker().fuse(scores, situation).scores
    fixed = FixedFusion().fuse(scores, situation).scores
    scale = 4.0 if situation.kind == "for_user" and situation.gap_ms is not None else 1.0
    np.testing.assert_allclose(ours, scale * fixed, atol=1e-6, rtol=1e-6)


@settings(deadline=None)
@given(found, st.data())
def test_taking_a_source_away_lowers_the_learned_score_by_its_contribution(scores: Scores, data: st.DataObject) -> None:
    ranker = taught(50)
    fused = ranker.fuse(scores, SITTING)
    gone = data.draw(st.sampled_from(sorted(scores)))
    without = ranker.fuse({**scores, gone: np.zeros(6)}, SITTING)
    np.testing.assert_allclose(fused.scores - without.scores, fused.contributions[gone], atol=1e-9)
    np.testing.assert_allclose(sum(fused.contributions.values()), fused.scores, atol=1e-9)


def test_taking_an_item_of_the_history_away_lowers_the_learned_score_by_its_contribution() -> None:
    query = transition_query(["b", "a"], lambda item_id: 0)
    row = SparseVector.of({sparse_index("a"): 3.0, sparse_index("b"): 1.0})
    scores = {TRANSITIONS: np.array([query.vector.dot(row), 0.5]), TRENDING: np.array([0.2, 1.0])}
    fused = taught().fuse(scores, SITTING)
    reasons = explain(0, fused, {TRANSITIONS: row}, Evidences({TRANSITIONS: query}))
    assert sum(reason.contribution for reason in reasons) == pytest.approx(fused.scores[0])
    only_a = transition_query(["", "a"], lambda item_id: 0).vector.dot(row)
    again = fuse_with(fused.units, {**scores, TRANSITIONS: np.array([only_a, 0.5])})
    worth_of_b = next(reason.contribution for reason in reasons if reason.item_id == "b")
    assert fused.scores[0] - again.scores[0] == pytest.approx(worth_of_b, rel=1e-5)


def test_what_users_choose_comes_first() -> None:
    scores = {TRANSITIONS: np.array([1.0, 0.0]), TASTE: np.array([0.0, 1.0])}
    assert OnlineRanker().fuse(scores, SITTING).scores.argmax() == 0
    assert taught().fuse(scores, SITTING).scores.argmax() == 1


def test_sitting_and_return_learn_apart_in_part() -> None:
    ranker = taught(40)
    moved = np.abs(ranker.weights.values - RankerWeights().values).sum(axis=(1, 2))
    changed = {position for position, amount in enumerate(moved) if amount > 0}
    assert changed == set(bucket_rows(SITTING))


@pytest.mark.parametrize("situation", [Situation("for_user"), Situation("similar_items", 5, 1), Situation("trending")])
def test_what_the_fixed_fusion_answers_is_not_learned_from(situation: Situation) -> None:
    ranker = OnlineRanker()
    assert not ranker.learn({POPULARITY: np.array([1.0, 2.0])}, situation, 0)
    assert ranker.weights.examples == 0


@pytest.mark.parametrize("chosen", [-1, 2, 99])
def test_choice_that_is_no_candidate_teaches_nothing(chosen: int) -> None:
    assert not OnlineRanker().learn({TRANSITIONS: np.array([1.0, 2.0])}, SITTING, chosen)


def test_sources_that_it_does_not_know_teach_nothing() -> None:
    assert not OnlineRanker().learn({CONTENT: np.array([1.0, 2.0])}, SITTING, 0)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_teach_nothing_and_are_counted(odd: float) -> None:
    ranker = taught(3)
    before = ranker.weights
    assert not ranker.learn({TRANSITIONS: np.array([odd, 1.0]), TASTE: np.array([0.0, 1.0])}, SITTING, 1)
    np.testing.assert_array_equal(ranker.weights.values, before.values)
    assert ranker.refused == 1


def test_candidate_with_a_score_that_is_not_finite_does_not_spoil_the_others() -> None:
    fused = taught().fuse({TRANSITIONS: np.array([np.nan, 2.0, 1.0])}, SITTING)
    assert not np.isfinite(fused.scores[0])
    assert np.isfinite(fused.scores[1:]).all()


@settings(deadline=None)
@given(found, st.integers(0, 5))
def test_one_choice_moves_no_weight_further_than_the_rate(scores: Scores, chosen: int) -> None:
    ranker = OnlineRanker()
    before = ranker.weights.values
    ranker.learn(scores, SITTING, chosen)
    assert np.abs(ranker.weights.values - before).max() <= RATE + 1e-12


def test_weights_stay_within_their_bound() -> None:
    ranker = OnlineRanker(rate=100.0)
    for _ in range(20):
        ranker.learn({TRANSITIONS: np.array([1.0, 0.0])}, SITTING, 1)
    assert np.abs(ranker.weights.values).max() <= BOUND


def test_weights_that_did_worse_give_way_to_the_last_good_ones() -> None:
    ranker = OnlineRanker(rate=5.0)
    random = np.random.default_rng(1)
    for _ in range(CHECKED_EVERY):
        ranker.learn({TRANSITIONS: random.random(20), TASTE: random.random(20)}, SITTING, int(random.integers(20)))
    assert ranker.returned == 1
    np.testing.assert_array_equal(ranker.weights.values, RankerWeights().values)


def test_asking_changes_nothing() -> None:
    ranker = taught()
    before = ranker.weights.pack()
    ranker.fuse({TRANSITIONS: np.array([1.0, 2.0])}, SITTING)
    assert ranker.weights.pack() == before


def test_ranker_is_a_fusion_that_learns_and_the_fixed_one_is_not() -> None:
    assert isinstance(OnlineRanker(), LearningFusion)
    assert not isinstance(FixedFusion(), LearningFusion)
