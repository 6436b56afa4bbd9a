"""A taste is a sum that forgets, in any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.state.taste import Taste
from tests.models.builders import DAY_MS, axis

touch = st.tuples(st.integers(0, 3), st.floats(-10, 10, width=32), st.integers(0, 90 * DAY_MS))


def direction(touches: list[tuple[int, float, int]]) -> NDArray[np.float32]:
    taste = Taste()
    for position, weight, time_ms in touches:
        taste.learn_one(axis(position), weight, time_ms)
    found = taste.direction()
    return np.zeros(4, dtype=np.float32) if found is None else found


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(1, 10, width=32), st.integers(0, 90 * DAY_MS))))
def test_order_of_arrival_does_not_matter(touches: list[tuple[int, float, int]]) -> None:
    np.testing.assert_allclose(direction(touches), direction(touches[::-1]), atol=1e-6)


@given(touch)
def test_revert_takes_back_what_was_learned(wrong: tuple[int, float, int]) -> None:
    taste = Taste()
    taste.learn_one(axis(0), 5.0, 40 * DAY_MS)
    taste.learn_one(axis(1), 5.0, 40 * DAY_MS)
    before = taste.direction()
    position, weight, time_ms = wrong
    taste.learn_one(axis(position), weight, time_ms)
    taste.revert_one(axis(position), weight, time_ms)
    after = taste.direction()
    assert before is not None and after is not None
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_late_like_moves_taste_less_than_fresh_like() -> None:
    liked = (0, 3.0, 60 * DAY_MS)
    fresh, late = direction([liked, (1, 3.0, 60 * DAY_MS)]), direction([liked, (1, 3.0, 0)])
    assert 0 < late[1] < fresh[1]


def test_like_of_one_half_life_ago_counts_half() -> None:
    taste = Taste(half_life_s=DAY_MS / 1_000)
    taste.learn_one(axis(0), 2.0, 0)
    taste.learn_one(axis(1), 1.0, DAY_MS)
    found = taste.direction()
    assert found is not None
    assert found[0] == pytest.approx(found[1])


def test_a_thousand_events_a_second_apart_forget_as_much_as_two_a_thousand_seconds_apart() -> None:
    often, twice = Taste(), Taste()
    for second in range(1_001):
        often.learn_one(axis(0), 1.0 if second in (0, 1_000) else 0.0, 1_000 * second)
    for second in (0, 1_000):
        twice.learn_one(axis(0), 1.0, 1_000 * second)
    assert often.pack() == twice.pack()


def test_the_sum_itself_is_that_of_the_formula() -> None:
    taste = Taste(half_life_s=DAY_MS / 1_000)
    for days, weight in ((0, 8.0), (5, 1.0), (3, 4.0)):
        taste.learn_one(axis(0), weight, days * DAY_MS + 7)
    found = taste.value_at(6 * DAY_MS + 7)
    assert found is not None
    assert found[0] == pytest.approx(8 / 2**6 + 1 / 2 + 4 / 2**3)


def test_dislike_turns_taste_away() -> None:
    assert direction([(0, 3.0, 0), (1, -3.0, 0)])[1] < 0


def test_taste_without_events_points_nowhere() -> None:
    assert Taste().direction() is None


def test_likes_that_cancel_point_nowhere() -> None:
    taste = Taste()
    taste.learn_one(axis(0), 3.0, 0)
    taste.revert_one(axis(0), 3.0, 0)
    assert taste.direction() is None


def test_vector_of_another_embedding_starts_the_taste_over() -> None:
    taste = Taste()
    taste.learn_one(axis(0, dim=4), 1.0, 0)
    taste.learn_one(axis(1, dim=3), 1.0, 5)
    direction = taste.direction()
    assert direction is not None and direction.tolist() == [0.0, 1.0, 0.0]
