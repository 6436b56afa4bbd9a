"""What each source is asked, and what popularity says."""

import numpy as np
import pytest

from models.primitives.ids import sparse_index
from models.retrieval.sources import (
    CATEGORY,
    COOCCURRENCE_ITEMS,
    CURRENT,
    MATCH,
    MOST_LABELS,
    NEW,
    POPULARITY,
    REACH,
    TRANSITION_ITEMS,
    TRENDING,
    HistoryQuery,
    category_affinity,
    cooccurrence_query,
    labels,
    popularity_scores,
    transition_query,
)

MANY = [str(number) for number in range(50)]


def no_users(item_id: str) -> int:
    return 0


def weight_of(query: HistoryQuery, item_id: str) -> float:
    position = query.vector.indices.tolist().index(sparse_index(item_id))
    return float(query.vector.values[position])


def test_newest_item_asks_loudest() -> None:
    query = transition_query(["new", "old"], no_users)
    assert weight_of(query, "old") == pytest.approx(0.8 * weight_of(query, "new"))


def test_item_that_all_users_had_asks_softer() -> None:
    query = transition_query(["rare", "common"], {"rare": 0, "common": 950}.__getitem__)
    assert weight_of(query, "common") < weight_of(query, "rare") / 10


def test_queries_look_back_a_bounded_number_of_items() -> None:
    assert len(transition_query(MANY, no_users).vector) == TRANSITION_ITEMS
    assert len(cooccurrence_query(MANY, no_users).vector) == COOCCURRENCE_ITEMS


def test_query_names_the_items_behind_its_indices() -> None:
    assert transition_query(["a"], no_users).item_ids == {sparse_index("a"): "a"}


def test_most_popular_candidate_is_the_measure_of_the_others() -> None:
    scores = popularity_scores(np.array([[9.0, 9.0, 9.0], [8.0, 8.0, 8.0]]), np.array([1.0, 0.5]))
    assert scores[TRENDING].tolist() == scores[POPULARITY].tolist() == [1.0, 0.5]
    assert scores[CATEGORY].tolist() == [1.0, 0.25]


def test_item_without_likes_has_no_popularity() -> None:
    scores = popularity_scores(np.array([[0.0, 0.0, 0.0]]), np.array([1.0]))
    assert {source: found.tolist() for source, found in scores.items()} == {
        TRENDING: [0.0],
        CURRENT: [0.0],
        POPULARITY: [0.0],
        CATEGORY: [0.0],
        MATCH: [1.0],
        NEW: [0.0],
    }


def test_reach_counts_all_users_but_not_for_an_item_without_likes() -> None:
    order_scores, counts = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), np.array([9.0, 4.0])
    assert popularity_scores(order_scores, np.zeros(2), counts)[REACH].tolist() == [0.0, 4.0]


def test_item_whose_likes_are_all_recent_is_newer_than_an_equally_trending_one() -> None:
    scores = popularity_scores(np.array([[9.0, 9.0, 9.0], [9.0, 8.0, 5.0]]), np.zeros(2))
    assert scores[NEW][1] > scores[NEW][0] > 0


def test_no_candidates_have_no_popularity() -> None:
    assert popularity_scores(np.zeros((0, 3)), np.zeros(0))[TRENDING].tolist() == []


def test_affinities_sum_to_one_and_favour_the_recent() -> None:
    affinity = category_affinity([["Crime"], ["Drama"], []])
    assert sum(affinity.values()) == pytest.approx(1.0)
    assert affinity["Crime"] > affinity["Drama"]


def test_user_without_categories_has_no_affinity() -> None:
    assert category_affinity([[], []]) == {}


def test_labels_are_distinct_and_bounded() -> None:
    assert labels("Crime", ["Crime", *MANY])[:2] == ("Crime", "0")
    assert len(labels(None, MANY)) == MOST_LABELS
