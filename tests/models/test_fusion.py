"""One score out of many, and nothing in it that is not some source's share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.ranking.fusion import DAY_MS, FixedFusion, Scores, Situation, fuse_with
from models.retrieval.sources import COOCCURRENCE, POPULARITY, TASTE, TRANSITIONS, TRENDING

SITTING = Situation("for_user", history_length=9, gap_ms=60_000)
SOURCES = (TRANSITIONS, COOCCURRENCE, TRENDING, POPULARITY, TASTE)
raw = arrays(np.float64, 6, elements=st.integers(0, 1_000).map(float))
found = st.dictionaries(st.sampled_from(SOURCES), raw, min_size=1)


@given(found)
def test_contributions_sum_to_the_score(scores: Scores) -> None:
    fused = FixedFusion().fuse(scores, SITTING)
    np.testing.assert_allclose(sum(fused.contributions.values()), fused.scores)


@given(found, st.data())
def test_taking_a_source_away_lowers_the_score_by_its_contribution(scores: Scores, data: st.DataObject) -> None:
    fused = FixedFusion().fuse(scores, SITTING)
    gone = data.draw(st.sampled_from(sorted(scores)))
    without = fuse_with(fused.units, {**scores, gone: np.zeros(6)})
    np.testing.assert_allclose(fused.scores - without.scores, fused.contributions[gone], atol=1e-9)


@given(found, st.floats(1e-3, 1e3))
def test_scale_of_a_source_does_not_matter(scores: Scores, scale: float) -> None:
    scaled = {source: values * scale for source, values in scores.items()}
    ours, theirs = FixedFusion().fuse(scores, SITTING), FixedFusion().fuse(scaled, SITTING)
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-6, atol=1e-9)


def test_missing_source_leaves_the_order_that_the_others_give() -> None:
    scores = {TRANSITIONS: np.array([1.0, 3.0, 2.0])}
    assert np.argsort(-FixedFusion().fuse(scores, SITTING).scores).tolist() == [1, 2, 0]


def test_sequence_decides_within_a_sitting_and_the_trend_after_days() -> None:
    scores = {TRANSITIONS: np.array([1.0, 0.0]), TRENDING: np.array([0.0, 1.0])}
    sitting = FixedFusion().fuse(scores, SITTING).scores
    returned = FixedFusion().fuse(scores, Situation("for_user", 9, gap_ms=3 * DAY_MS)).scores
    assert sitting[0] > sitting[1]
    assert returned[1] > returned[0]


def test_user_without_history_gets_what_is_popular() -> None:
    scores = {TRANSITIONS: np.zeros(2), TRENDING: np.array([0.1, 1.0])}
    assert FixedFusion().fuse(scores, Situation("for_user")).scores.argmax() == 1


def test_score_that_is_not_finite_does_not_become_the_measure_of_the_others() -> None:
    fused = FixedFusion().fuse({TRANSITIONS: np.array([np.inf, 2.0, 1.0])}, SITTING)
    assert fused.scores[1:].tolist() == [1.0, 0.5]


def test_source_that_is_all_but_silent_does_not_decide() -> None:
    scores = {TRANSITIONS: np.array([5e-324, 0.0]), TRENDING: np.array([0.0, 1.0])}
    assert FixedFusion().fuse(scores, SITTING).scores.tolist() == pytest.approx([0.0, 0.2])


def test_trending_list_listens_to_popularity_only() -> None:
    scores = {TRANSITIONS: np.array([1.0, 0.0]), TRENDING: np.array([0.2, 0.3])}
    assert FixedFusion().fuse(scores, Situation("trending")).scores.argmax() == 1


def test_no_candidates_give_no_scores() -> None:
    assert len(FixedFusion().fuse({TRANSITIONS: np.zeros(0)}, SITTING).scores) == 0


def test_people_outweigh_words_among_similar_items() -> None:
    scores = {
        TRANSITIONS: np.array([1.0, 0.0]),
        COOCCURRENCE: np.array([1.0, 0.0]),
        "content": np.array([0.0, 1.0]),
    }
    fused = FixedFusion().fuse(scores, Situation("similar_items"))
    assert fused.scores.tolist() == pytest.approx([0.7, 0.3])
