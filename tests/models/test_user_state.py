"""A user's row: exactly once, in any order of event times, within its bounds, and as bytes."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.ids import sparse_index
from models.state.user_state import SEEN_BOUND, UserState
from tests.models.builders import axis, event

touches = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.booleans()), max_size=30)


def folded(steps: list[tuple[str, int, bool]]) -> UserState:
    user = UserState()
    for offset, (item_id, time_ms, known) in enumerate(steps):
        user.fold(event(item_id, offset, time_ms=time_ms), axis(ord(item_id) % 4) if known else None)
    return user


def test_redelivered_event_changes_nothing() -> None:
    user = folded([("a", 1, True), ("b", 2, True)])
    before = user.pack()
    assert user.fold(event("a", 0, time_ms=1), axis(0)) is None
    assert user.pack() == before


def test_event_id_that_came_before_teaches_nothing_under_a_new_offset() -> None:
    user = UserState()
    user.fold(event("a", 0, event_id="e1"))
    assert user.fold(event("a", 1, event_id="e1")) is None
    assert user.history.item_ids == ["a"]
    assert user.watermarks == {0: 1}


def test_two_clicks_without_event_ids_both_count() -> None:
    user = UserState()
    assert user.fold(event("a", 0)) is not None
    assert user.fold(event("a", 1)) is not None


@given(touches)
def test_replay_from_any_point_gives_the_same_row_and_evidence(steps: list[tuple[str, int, bool]]) -> None:
    straight = folded(steps)
    half = folded(steps[: len(steps) // 2])
    replayed = UserState.unpack(half.pack())
    for offset, (item_id, time_ms, known) in enumerate(steps):
        replayed.fold(event(item_id, offset, time_ms=time_ms), axis(ord(item_id) % 4) if known else None)
    assert replayed.pack() == straight.pack()


@given(st.randoms(use_true_random=False))
def test_late_events_give_the_history_and_taste_of_events_in_time(chance: random.Random) -> None:
    events = [event(str(at), at, partition=at) for at in range(20)]
    in_time, late = UserState(), UserState()
    for one in events:
        in_time.fold(one, axis(one.time_ms % 4))
    for one in chance.sample(events, len(events)):
        late.fold(one, axis(one.time_ms % 4))
    assert late.history.pack() == in_time.history.pack()
    mine, theirs = late.taste.direction(), in_time.taste.direction()
    assert mine is not None and theirs is not None
    np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_evidence_names_the_previous_items_nearest_first() -> None:
    user = folded([("a", 1, True), ("b", 2, True)])
    found = user.fold(event("c", 2))
    assert found is not None
    assert found.predecessors.tolist() == [sparse_index("b"), sparse_index("a")]


def test_only_the_first_touch_of_an_item_is_marked_first() -> None:
    user = UserState()
    found = [user.fold(event("a", offset)) for offset in (0, 1)]
    assert [evidence.first for evidence in found if evidence] == [True, False]


def test_impression_is_neither_seen_nor_evidence() -> None:
    user = UserState()
    assert user.fold(event("a", 0, kind="impression")) is None
    assert not user.seen("a")
    assert user.last_time_ms is None


def test_basket_teaches_all_its_lines_in_their_order() -> None:
    user = UserState()
    basket = [event(name, 4, kind="purchase") for name in "abc"]
    assert [found.item_id for found in user.learn(basket, {})] == ["a", "b", "c"]
    assert user.history.item_ids == ["a", "b", "c"]


def test_basket_is_bought_together_whatever_the_order_of_its_lines() -> None:
    learned = UserState().learn([event("a", 4, kind="purchase"), event("b", 4, kind="purchase")], {})
    assert [piece.bought for piece in learned] == [True, True]
    assert [piece.bought_with.tolist() for piece in learned] == [[], [sparse_index("a")]]


def test_view_tells_nothing_of_what_was_bought() -> None:
    user = UserState()
    user.fold(event("a", 0, kind="add_to_cart"))
    viewed = user.fold(event("b", 1))
    assert viewed is not None
    assert (viewed.bought, len(viewed.bought_with), len(viewed.predecessors)) == (False, 0, 1)


def test_unknown_item_counts_at_once_and_its_taste_when_its_vector_comes() -> None:
    waited, known = UserState(), UserState()
    waited.fold(event("a", 0))
    known.fold(event("a", 0), axis(2))
    assert waited.seen("a")
    assert waited.taste.direction() is None
    assert waited.waiting.item_ids() == ["a"]
    assert waited.supply_vector("a", axis(2))
    assert waited.pack() == known.pack()


def test_vector_that_no_event_waits_for_changes_nothing() -> None:
    user = folded([("a", 1, True)])
    before = user.pack()
    assert not user.supply_vector("a", axis(3))
    assert user.pack() == before


def test_seen_set_is_bounded_and_forgets_the_oldest() -> None:
    user = UserState()
    for offset in range(SEEN_BOUND + 1):
        user.fold(event(str(offset), offset))
    assert len(user.seen_keys()) == SEEN_BOUND
    assert (user.seen("0"), user.seen("1"), user.seen(str(SEEN_BOUND))) == (False, True, True)


@given(touches)
def test_unpacked_row_equals_the_packed_one(steps: list[tuple[str, int, bool]]) -> None:
    user = folded(steps)
    again = UserState.unpack(user.pack())
    assert again.pack() == user.pack()
    assert again.history.item_ids == user.history.item_ids
    assert again.watermarks == user.watermarks


@given(st.data())
def test_truncated_row_is_refused(data: st.DataObject) -> None:
    packed = folded([("ä", 1, True), ("b", 2, False)]).pack()
    size = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match="packed 'U' row"):
        UserState.unpack(packed[:size])


@given(touches, st.sampled_from("abcdef"))
def test_a_row_without_an_item_is_that_of_a_user_who_never_touched_it(
    steps: list[tuple[str, int, bool]], gone: str
) -> None:
    user = folded(steps)
    before = user.pack()
    without = user.without(gone, axis(ord(gone) % 4))
    assert user.pack() == before
    never = UserState()
    for offset, (item_id, time_ms, known) in enumerate(steps):
        if item_id != gone:
            never.fold(event(item_id, offset, time_ms=time_ms), axis(ord(item_id) % 4) if known else None)
    assert _events(without) == _events(never)
    assert without.seen_keys().tolist() == never.seen_keys().tolist()
    mine, theirs = without.taste.direction(), never.taste.direction()
    assert (mine is None) == (theirs is None)
    if mine is not None and theirs is not None:
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def _events(user: UserState) -> list[tuple[str, int, tuple[int, int]]]:
    return [(entry.item_id, entry.time_ms, entry.origin) for entry in user.history.entries()]
