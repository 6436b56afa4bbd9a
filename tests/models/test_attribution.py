"""Clicks find their recommendation: by its id, or by user, item and time; each counts once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.attribution import NOWHERE, Acts, Impressions, attribute, first_of_each

HOUR = 3_600_000
Line = tuple[int, int, int, int]
"""Recommendation, item, user, time."""


def keys(column: list[int]) -> np.ndarray:
    return np.array(column, dtype=np.uint64)


def positions(impressions: list[Line], acts: list[Line], window_ms: int = 24 * HOUR) -> list[int]:
    tables = []
    for lines in (impressions, acts):
        columns = list(zip(*lines, strict=True)) or [()] * 4
        tables.append([keys(list(column)) for column in columns[:3]] + [np.array(columns[3], dtype=np.int64)])
    return attribute(Impressions(*tables[0]), Acts(*tables[1]), window_ms).tolist()


def test_the_named_recommendation_wins_over_a_later_one() -> None:
    impressions = [(1, 7, 5, 0), (2, 7, 5, HOUR)]
    assert positions(impressions, [(1, 7, 5, 2 * HOUR), (2, 7, 5, 2 * HOUR)]) == [0, 1]


def test_without_a_name_the_last_answer_that_showed_the_item_counts() -> None:
    impressions = [(1, 7, 5, 0), (2, 7, 5, HOUR), (3, 8, 5, 2 * HOUR), (4, 7, 6, 2 * HOUR), (5, 7, 5, 4 * HOUR)]
    assert positions(impressions, [(0, 7, 5, 3 * HOUR)]) == [1]


def test_an_unknown_name_leaves_user_and_item() -> None:
    assert positions([(1, 7, 5, 0)], [(99, 7, 5, HOUR), (99, 8, 5, HOUR)]) == [0, NOWHERE]


def test_the_named_recommendation_counts_for_a_guest_who_logged_in_meanwhile() -> None:
    assert positions([(1, 7, 5, 0)], [(1, 7, 66, HOUR), (0, 7, 66, HOUR)]) == [0, NOWHERE]


@pytest.mark.parametrize(("after_ms", "found"), [(-1, NOWHERE), (0, 0), (24 * HOUR, 0), (24 * HOUR + 1, NOWHERE)])
def test_the_window_begins_with_the_answer_and_includes_its_end(after_ms: int, found: int) -> None:
    assert positions([(1, 7, 5, 1_000)], [(0, 7, 5, 1_000 + after_ms)]) == [found]


def test_nothing_shown_or_nothing_done_is_no_error() -> None:
    assert positions([], [(1, 7, 5, 0)]) == [NOWHERE]
    assert positions([(1, 7, 5, 0)], []) == []


def test_the_first_act_of_a_place_counts_and_no_other() -> None:
    found = first_of_each(np.array([3, NOWHERE, 3, 1, 3]), np.array([20, 5, 10, 30, 15]))
    assert found.tolist() == [False, False, True, True, False]
    assert first_of_each(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)).tolist() == []


small = st.integers(1, 4)
lines = st.lists(st.tuples(st.integers(1, 6), small, small, st.integers(0, 50)), max_size=12)


@given(lines, st.lists(st.tuples(st.integers(0, 6), small, small, st.integers(0, 60)), max_size=12))
def test_columns_say_what_a_plain_search_says(impressions: list[Line], acts: list[Line]) -> None:
    impressions = list({line[:2]: line for line in impressions}.values())
    for act, position in zip(acts, positions(impressions, acts, window_ms=20), strict=True):
        named = [n for n, line in enumerate(impressions) if act[0] and line[:2] == act[:2]]
        seen = [n for n, line in enumerate(impressions) if line[1:3] == act[1:3] and 0 <= act[3] - line[3] <= 20]
        if named:
            assert position == named[0]
        elif seen:
            assert impressions[position][1:3] == act[1:3]
            assert impressions[position][3] == max(impressions[n][3] for n in seen)
        else:
            assert position == NOWHERE
