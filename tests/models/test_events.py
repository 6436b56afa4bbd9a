"""What an event is worth."""

import pytest

from models.state.events import event_weight


def test_low_rating_counts_against_an_item_and_a_high_one_for_it() -> None:
    assert event_weight("rating", 1.0) < 0 < event_weight("rating", 5.0)


def test_rating_in_the_middle_says_nothing() -> None:
    assert event_weight("rating", 3.0) == 0.0


def test_rating_without_value_still_says_the_item_was_used() -> None:
    assert event_weight("rating", None) == 1.0


@pytest.mark.parametrize(
    ("weaker", "stronger"), [("view", "click"), ("click", "add_to_cart"), ("add_to_cart", "purchase")]
)
def test_what_costs_a_person_more_weighs_more(weaker: str, stronger: str) -> None:
    assert event_weight(weaker, None) < event_weight(stronger, None)


def test_own_table_of_weights_wins() -> None:
    assert event_weight("view", None, {"view": 7.0}) == 7.0


def test_watching_counts_by_the_share_that_was_watched() -> None:
    assert event_weight("watch", 0.5) == event_weight("watch", 1.0) / 2 == event_weight("watch", None) / 2


def test_stars_have_a_weight_of_their_own() -> None:
    assert event_weight("rating", 5.0, {"rating": 10.0}) == 20.0
    assert event_weight("rating", 5.0, {}) == event_weight("rating", 5.0)
