"""Shares of a taste that wait for a vector: none is lost with its event, in any order, within a bound."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.primitives.packing import Reader
from models.state.events import Event
from models.state.history import BOUND
from models.state.taste import Vector
from models.state.user_state import UserState
from models.state.waiting import WAITING_BOUND, WAITING_ID_BYTES, WaitingShares
from tests.models.builders import DAY_MS, axis, event

ITEMS = "abcdefgh"
KINDS = ("view", "purchase", "dislike", "like")
VECTORS: dict[str, Vector] = {item_id: axis(position, dim=len(ITEMS)) for position, item_id in enumerate(ITEMS)}

chances = st.randoms(use_true_random=False)
shares = st.lists(st.tuples(st.sampled_from("äb"), st.floats(-10, 10), st.integers(0, 90 * DAY_MS)), max_size=20)


def many(chance: random.Random, size: int) -> list[Event]:
    """Events in time order, each of an origin of its own, so that any order of arrival is a first delivery."""
    return [
        event(chance.choice(ITEMS), 0, kind=chance.choice(KINDS), time_ms=at * DAY_MS // 4, partition=at)
        for at in range(size)
    ]


def learned(user: UserState, events: list[Event], chance: random.Random) -> UserState:
    """All events folded; each vector comes somewhere on the way, or after all of them."""
    known_from = {item_id: chance.randint(0, len(events)) for item_id in ITEMS}
    for at, one in enumerate(events):
        supply(user, [item_id for item_id in ITEMS if known_from[item_id] == at])
        user.fold(one, VECTORS[one.item_id] if known_from[one.item_id] <= at else None)
    return user


def supply(user: UserState, item_ids: str | list[str] = ITEMS) -> UserState:
    for item_id in item_ids:
        user.supply_vector(item_id, VECTORS[item_id])
    return user


def assert_same_taste(one: UserState, other: UserState, events: list[Event]) -> None:
    """Within 1e-6 of all weights that went in."""
    assert not len(one.waiting) and not len(other.waiting)
    at_ms = max(each.time_ms for each in events)
    mine, theirs = one.taste.value_at(at_ms), other.taste.value_at(at_ms)
    assert mine is not None and theirs is not None
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6 * sum(abs(each.weight) for each in events))


@given(st.integers(1, BOUND + 100), chances)
@settings(deadline=None, max_examples=40)
def test_events_and_vectors_in_any_order_end_in_the_taste_of_events_in_time(size: int, chance: random.Random) -> None:
    events = many(chance, size)
    late = learned(UserState(), chance.sample(events, len(events)), chance)
    in_time = UserState()
    for one in events:
        in_time.fold(one, VECTORS[one.item_id])
    assert_same_taste(supply(late), in_time, events)


def test_a_share_waits_on_when_its_event_has_left_the_history() -> None:
    user = UserState()
    user.fold(event("first", 0))
    for offset in range(1, BOUND + 1):
        user.fold(event("other", offset), axis(0))
    assert "first" not in user.history.item_ids
    assert user.supply_vector("first", axis(1))
    taste = user.taste.direction()
    assert taste is not None and taste[1] > 0


@given(st.integers(1, BOUND + 60), chances)
@settings(deadline=None, max_examples=30)
def test_what_a_guest_waits_for_is_merged_whole(size: int, chance: random.Random) -> None:
    events = many(chance, size)
    guest = learned(UserState(), events, chance)
    user = UserState()
    user.merge(UserState.unpack(guest.seal("user", 1)), "guest", 1, {}, 1)
    assert not len(guest.waiting)
    alone = learned(UserState(), events, chance)
    assert_same_taste(supply(user), supply(alone), events)


@pytest.mark.parametrize("by_merge", [{}, VECTORS], ids=["vector away", "vector known"])
@pytest.mark.parametrize("by_guest", [None, VECTORS["a"]], ids=["waits", "learned"])
def test_an_event_of_guest_and_user_counts_once_whatever_was_known_when(
    by_guest: Vector | None, by_merge: dict[str, Vector]
) -> None:
    user, guest, alone = UserState(), UserState(), UserState()
    repeated = event("a", 1, kind="like", event_id="e1")
    for one in (user, alone):
        one.fold(repeated)
        one.fold(event("b", 2, kind="purchase"))
    guest.fold(repeated, by_guest)
    user.merge(guest, "guest", 5, by_merge, 1)
    assert_same_taste(supply(user), supply(alone), [repeated])


@given(st.integers(1, BOUND), st.integers(-1, BOUND), chances)
@settings(deadline=None, max_examples=30)
def test_what_waits_is_forgotten_with_its_events(size: int, last: int, chance: random.Random) -> None:
    events = many(chance, size)
    until_ms = last * DAY_MS // 4
    user = learned(UserState(), events, chance)
    user.forget(until_ms, 1)
    kept = [one for one in events if one.time_ms > until_ms]
    assert sorted(user.waiting.item_ids()) == sorted({one.item_id for one in kept})
    survivor = UserState()
    for one in kept:
        survivor.fold(one, VECTORS[one.item_id])
    if kept:
        assert_same_taste(supply(user), survivor, events)


@given(st.integers(1, BOUND - 1), chances)
@settings(deadline=None, max_examples=30)
def test_a_row_without_an_item_neither_holds_its_share_nor_waits_for_it(size: int, chance: random.Random) -> None:
    events = [*many(chance, size), event("h", 0, time_ms=0, partition=size)]
    user = learned(UserState(), events, chance)
    packed = user.pack()
    without = user.without("a", VECTORS["a"])
    assert user.pack() == packed
    never = UserState()
    for one in events:
        if one.item_id != "a":
            never.fold(one, VECTORS[one.item_id])
    assert "a" not in without.waiting
    assert_same_taste(supply(without), never, events)


def test_an_item_without_any_vector_is_waited_for_no_more_in_a_row_without_it() -> None:
    user = UserState()
    user.fold(event("a", 0))
    user.fold(event("b", 1))
    assert user.without("a", None).waiting.item_ids() == ["b"]


def test_items_of_the_oldest_event_time_leave_past_the_bound() -> None:
    waiting = WaitingShares()
    for number in range(WAITING_BOUND):
        waiting.add(f"i{number}", 1.0, 1_000 + number)
    waiting.add("i0", 1.0, 9_000)
    waiting.add("late", 1.0, 5)
    assert len(waiting) == WAITING_BOUND and "late" not in waiting
    waiting.add("new", 1.0, 9_000)
    assert len(waiting) == WAITING_BOUND
    assert ("i0" in waiting, "i1" in waiting, "new" in waiting) == (True, False, True)


def test_a_row_of_the_longest_ids_stays_below_what_a_broker_takes() -> None:
    user = UserState()
    for offset in range(700):
        user.fold(event(f"{offset:0>128}" + "ä" * 192, offset))
    assert len(user.waiting) == WAITING_ID_BYTES // 512
    assert len(user.waiting.pack()) < WAITING_ID_BYTES + 20 * WAITING_BOUND
    again = UserState.unpack(user.pack())
    again.fold(event("new" * 100, 700))
    assert len(again.waiting) == WAITING_ID_BYTES // 512


def test_a_row_that_waits_for_all_it_can_is_read_as_it_was_written() -> None:
    user = UserState()
    for offset in range(WAITING_BOUND + 3):
        user.fold(event(f"item {offset}", offset))
    again = UserState.unpack(user.pack())
    assert len(again.waiting) == WAITING_BOUND
    assert again.pack() == user.pack()


@given(shares)
def test_packed_shares_are_read_as_they_were(added: list[tuple[str, float, int]]) -> None:
    waiting = WaitingShares()
    for share in added:
        waiting.add(*share)
    again = WaitingShares.read(Reader(b"X\x01" + waiting.pack(), b"X", 1))
    assert again.pack() == waiting.pack()
    for item_id in waiting.item_ids():
        assert again.take(item_id) == waiting.take(item_id)


@given(st.data())
def test_truncated_shares_are_refused(data: st.DataObject) -> None:
    waiting = WaitingShares()
    waiting.add("ä", 1.0, 5)
    waiting.add("b", 1.0, 7)
    packed = b"X\x01" + waiting.pack()
    with pytest.raises(ValueError, match="packed 'X' row"):
        WaitingShares.read(Reader(packed[: data.draw(st.integers(2, len(packed) - 1))], b"X", 1))
