"""Reasons sum to the score, and each is worth exactly what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.ids import sparse_index
from models.primitives.sparse import SparseVector
from models.ranking.explain import Evidences, Reason, explain
from models.ranking.fusion import FixedFusion, Fused, Scores, Situation, fuse_with
from models.retrieval.sources import (
    BOUGHT_TOGETHER,
    COOCCURRENCE,
    POPULARITY,
    TRANSITIONS,
    HistoryQuery,
    transition_query,
)

HISTORY = ["a", "b", "c"]
SITTING = Situation("for_user", 3, 60_000)
rows = st.lists(st.dictionaries(st.sampled_from(HISTORY), st.integers(1, 9).map(float)), min_size=2, max_size=5)


def sparse(row: dict[str, float]) -> SparseVector:
    return SparseVector.of({sparse_index(name): value for name, value in row.items()})


def asked(*history: str) -> HistoryQuery:
    return transition_query(history, lambda item_id: 0)


def scored(query: HistoryQuery, found: list[dict[str, float]]) -> Scores:
    transitions = np.array([query.vector.dot(sparse(row)) for row in found])
    return {TRANSITIONS: transitions, POPULARITY: np.linspace(0.1, 1.0, len(found))}


def without(query: HistoryQuery, item_id: str) -> HistoryQuery:
    kept = query.vector.indices != sparse_index(item_id)
    return HistoryQuery(SparseVector(query.vector.indices[kept], query.vector.values[kept]), query.item_ids)


@given(rows)
def test_contributions_sum_to_the_score(found: list[dict[str, float]]) -> None:
    query = asked(*HISTORY)
    fused = FixedFusion().fuse(scored(query, found), SITTING)
    for position, row in enumerate(found):
        reasons = explain(position, fused, {TRANSITIONS: sparse(row)}, Evidences({TRANSITIONS: query}))
        assert sum(reason.contribution for reason in reasons) == pytest.approx(fused.scores[position])


@given(rows, st.sampled_from(HISTORY))
def test_taking_one_item_of_the_history_away_lowers_the_score_by_its_contribution(
    found: list[dict[str, float]], gone: str
) -> None:
    query = asked(*HISTORY)
    fused = FixedFusion().fuse(scored(query, found), SITTING)
    again = fuse_with(fused.units, scored(without(query, gone), found))
    for position, row in enumerate(found):
        reasons = explain(position, fused, {TRANSITIONS: sparse(row)}, Evidences({TRANSITIONS: query}))
        worth = sum(reason.contribution for reason in reasons if reason.item_id == gone)
        assert fused.scores[position] - again.scores[position] == pytest.approx(worth, abs=1e-6)


def one_candidate(**contributions: float) -> Fused:
    shares = {source: np.array([share]) for source, share in contributions.items()}
    return Fused(np.array([sum(contributions.values())]), shares, dict.fromkeys(contributions, 1.0))


def test_each_source_says_truthfully_what_it_counted() -> None:
    sources = (TRANSITIONS, COOCCURRENCE, BOUGHT_TOGETHER)
    evidences = Evidences({source: asked("a") for source in sources})
    reasons = explain(
        0,
        one_candidate(transitions=0.5, cooccurrence=0.25, bought_together=0.125),
        {source: sparse({"a": 1.0}) for source in sources},
        evidences,
    )
    assert [(reason.kind, reason.item_id) for reason in reasons] == [
        ("followed_by", "a"),
        ("liked_by_similar_users", "a"),
        ("bought_together", "a"),
    ]


def test_two_sources_of_one_kind_are_one_reason() -> None:
    reasons = explain(0, one_candidate(keywords=0.5, text=0.25), {}, Evidences({}))
    assert reasons == [Reason("matches_text", None, 0.75)]


def test_source_without_its_row_is_one_reason_without_an_item() -> None:
    evidences = Evidences({TRANSITIONS: asked("a")})
    assert explain(0, one_candidate(transitions=0.5), {}, evidences) == [Reason("followed_by", None, 0.5)]


def test_likeness_names_the_item_that_was_asked_about() -> None:
    reasons = explain(0, one_candidate(content=0.3), {}, Evidences({}, seed="heat"))
    assert reasons == [Reason("similar_to", "heat", 0.3)]


def test_strongest_reason_comes_first_and_empty_ones_not_at_all() -> None:
    reasons = explain(0, one_candidate(trending=0.1, taste=0.4, category=0.0), {}, Evidences({}))
    assert [reason.kind for reason in reasons] == ["personal", "trending"]
