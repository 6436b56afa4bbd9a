"""Decayed touches: any order of arrival, and what is taken back."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.packing import Reader
from models.state.popularity import Popularity

HALF_LIVES = (10, 1_000)
clocks = st.lists(st.integers(0, 5_000), min_size=1, max_size=20)


def counted(touches: list[int]) -> Popularity:
    popularity = Popularity(HALF_LIVES)
    for clock in touches:
        popularity.add(clock)
    return popularity


@given(clocks, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(touches: list[int], chance: random.Random) -> None:
    shuffled = counted(chance.sample(touches, len(touches)))
    assert shuffled.order_scores() == pytest.approx(counted(touches).order_scores(), rel=1e-9)


@given(clocks, clocks)
def test_score_orders_by_what_is_left_at_any_later_time(one: list[int], other: list[int]) -> None:
    now = 5_000
    for position, half_life in enumerate(HALF_LIVES):
        left = [sum(2.0 ** ((clock - now) / half_life) for clock in touches) for touches in (one, other)]
        scores = [counted(touches).order_scores()[position] for touches in (one, other)]
        assert all(score >= 1.0 for score in scores)
        if abs(left[0] - left[1]) > 1e-9 * max(left):
            assert (left[0] > left[1]) == (scores[0] > scores[1])


def test_nothing_is_left_of_a_single_touch_that_is_taken_back() -> None:
    popularity = counted([77])
    popularity.take_back(77, left=0)
    assert popularity.pack() == counted([]).pack()
    assert popularity.order_scores() == (0.0, 0.0)


@given(clocks, clocks)
def test_packed_popularity_comes_back(one: list[int], other: list[int]) -> None:
    popularity = counted(one + other)
    reader = Reader(b"P\1" + popularity.pack(), b"P", 1)
    again = Popularity.read(reader, HALF_LIVES)
    reader.end()
    assert (again.clock, again.values) == (popularity.clock, popularity.values)
