"""Guests merge and users are forgotten with the same result in any order of arrival."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.state.events import Event
from models.state.evidence import Evidence
from models.state.forgetting import evidence_of, retractions
from models.state.history import FIRST
from models.state.identity import GUESTS_BOUND, Identity
from models.state.item_pairs import ItemPairs
from models.state.item_state import ItemState
from models.state.merge import Merge
from models.state.taste import Vector
from models.state.user_state import UserState
from tests.models.builders import axis, event

KINDS = ("view", "purchase", "dislike", "add_to_cart", "rating")
touches = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(KINDS)), max_size=15)
VECTORS: dict[str, Vector] = {item_id: axis(position % 4) for position, item_id in enumerate("abcdef")}


def events_of(steps: list[tuple[str, str]], partition: int = 0) -> list[Event]:
    """One event a step, at time = offset."""
    return [
        event(item_id, at, kind=kind, value=4.0 if kind == "rating" else None, partition=partition)
        for at, (item_id, kind) in enumerate(steps)
    ]


def learn(user: UserState, events: list[Event]) -> list[Evidence]:
    found = [user.fold(one, VECTORS[one.item_id]) for one in events]
    return [piece for piece in found if piece is not None]


def known(user: UserState) -> tuple[object, ...]:
    history = user.history
    kept = zip(history.item_ids, history.times_ms, history.partitions, history.offsets, history.stars, strict=True)
    return [str(one) for one in kept], sorted(user.seen_keys().tolist()), user.identity.erased_ms, user.profile.pack()


def same_taste(one: UserState, other: UserState) -> bool:
    for user in (one, other):
        for item_id in user.waiting.item_ids():
            user.supply_vector(item_id, VECTORS[item_id])
    mine, theirs = one.taste.direction(), other.taste.direction()
    if mine is None or theirs is None:
        return mine is theirs
    return bool(np.allclose(mine, theirs, atol=1e-4))


@given(touches, st.integers(0, 15), st.randoms(use_true_random=False))
def test_a_merge_and_events_in_any_order_give_the_row_of_one_user(
    steps: list[tuple[str, str]], cut: int, chance: random.Random
) -> None:
    events = events_of(steps)
    one = UserState()
    learn(one, events)
    guest, user = UserState(), UserState()
    learn(guest, events[:cut])
    merge = Merge("guest", 99, guest.seal("user", 99))
    later = [replace(each, origin=(at, 0), published=each.origin) for at, each in enumerate(events[cut:], start=1)]
    when = chance.randint(0, len(later))
    chance.shuffle(later)
    learn(user, later[:when])
    user.merge(Merge.unpack(merge.pack()).guest(), "guest", 99, VECTORS, 1)
    learn(user, later[when:])
    assert known(user) == known(one)
    assert same_taste(user, one)
    assert known(guest)[0] == [] and guest.identity.user_id == "user" and guest.taste.direction() is None


@given(touches, st.integers(-1, 15), st.randoms(use_true_random=False))
def test_an_order_to_forget_commutes_with_events(
    steps: list[tuple[str, str]], until_ms: int, chance: random.Random
) -> None:
    events = events_of(steps)
    survivors, forgotten = UserState(), UserState()
    learn(survivors, [one for one in events if one.time_ms > until_ms])
    survivors.forget(until_ms, 1)
    shuffled = [replace(one, origin=(at, 0), published=one.origin) for at, one in enumerate(events)]
    chance.shuffle(shuffled)
    when = chance.randint(0, len(events))
    learn(forgotten, shuffled[:when])
    forgotten.forget(until_ms, 1)
    learn(forgotten, shuffled[when:])
    assert known(forgotten) == known(survivors)
    assert same_taste(forgotten, survivors)


@given(touches, touches)
def test_what_is_taken_back_is_what_was_told(others: list[tuple[str, str]], steps: list[tuple[str, str]]) -> None:
    pairs = ItemPairs()
    items = {item_id: ItemState(pairs, slot) for slot, item_id in enumerate(VECTORS)}
    for piece in learn(UserState(), events_of(others)):
        items[piece.item_id].apply(piece)
    before = {item_id: state_of(item, pairs) for item_id, item in items.items()}
    user = UserState()
    for piece in learn(user, events_of(steps, partition=1)):
        items[piece.item_id].apply(piece)
    pieces, _ = user.forget(99, 1)
    for retraction in retractions(pieces, (1, 99)):
        assert items[retraction.item_id].retract(retraction)
    assert {item_id: state_of(item, pairs) for item_id, item in items.items()} == before


def state_of(item: ItemState, pairs: ItemPairs) -> tuple[object, ...]:
    scores = tuple(round(score, 6) for score in item.popularity_scores())
    return (pairs.pack(item.slot), item.count, item.buyers, item.ratings, item.stars, scores)


@given(touches, touches, touches)
def test_what_a_guest_told_alone_is_taken_back_as_it_was_told(
    own: list[tuple[str, str]], guests: list[tuple[str, str]], later: list[tuple[str, str]]
) -> None:
    user, guest = UserState(), UserState()
    sent = learn(user, events_of(own))
    sent += learn(guest, events_of(guests, partition=1))
    user.merge(guest, "guest", 50, VECTORS, 1)
    sent += learn(user, [replace(one, time_ms=100 + at, origin=(2, at)) for at, one in enumerate(events_of(later))])
    again = evidence_of(user.history, len(user.history), 1)
    assert sorted(map(content, again)) == sorted(map(content, sent))


def content(piece: Evidence) -> tuple[object, ...]:
    lists = (piece.predecessors.tolist(), piece.bought_with.tolist())
    return (piece.item_id, piece.origin, piece.weight, piece.first, piece.bought, piece.rating or 0.0, *lists)


def test_a_repeated_event_of_guest_and_user_counts_once_in_history_and_taste() -> None:
    user, guest, alone = UserState(), UserState(), UserState()
    for one in (user, alone):
        one.fold(event("a", 1, event_id="e1"), VECTORS["a"])
    guest.fold(event("a", 1, event_id="e1", partition=1), VECTORS["a"])
    guest.fold(event("b", 2, event_id="e2", partition=1), VECTORS["b"])
    alone.fold(event("b", 2, event_id="e2", partition=1), VECTORS["b"])
    user.merge(guest, "guest", 5, VECTORS, 1)
    assert known(user)[:2] == known(alone)[:2]
    assert same_taste(user, alone)


def test_vectors_that_a_guest_waits_for_are_waited_for_by_the_user() -> None:
    user, guest = UserState(), UserState()
    guest.fold(event("a", 1))
    user.merge(guest, "guest", 5, {}, 1)
    assert user.waiting.item_ids() == ["a"] and user.taste.direction() is None


def test_a_guest_merged_into_a_forgotten_user_is_forgotten_and_its_evidence_taken_back() -> None:
    user, guest = UserState(), UserState()
    user.forget(10, 1)
    learn(guest, [event("a", 1, partition=1), event("b", 20, partition=1)])
    pieces, guests = user.merge(guest, "guest", 5, VECTORS, 1)
    assert [piece.item_id for piece in pieces] == ["a"]
    assert (guests, user.identity.guests, user.history.item_ids) == (["guest"], [], ["b"])


def test_a_first_touch_is_remembered_for_the_day_it_is_taken_back() -> None:
    user = UserState()
    learn(user, [event("a", 1), event("a", 2)])
    assert [flags & FIRST for flags in user.history.flags] == [FIRST, 0]


def test_a_forgotten_row_is_small_and_names_no_user() -> None:
    user, guest = UserState(), UserState()
    guest.fold(event("secret-item", 1))
    user.merge(guest, "secret-guest", 5, {}, 1)
    user.profile.learn((6, 0, 6), {"country": "secret"}, ["secret"])
    user.forget(10, 1)
    assert len(user.pack()) < 100 and b"secret" not in user.pack()


def test_guests_are_remembered_up_to_a_bound() -> None:
    identity = Identity()
    for n in range(GUESTS_BOUND + 5):
        identity.welcome(f"g{n}", n)
    assert len(identity.guests) == GUESTS_BOUND
    assert identity.guests[0] == ("g5", 5)


def test_an_identify_after_the_order_to_forget_stays() -> None:
    guest = UserState()
    guest.seal("user", 20)
    guest.forget(10, 1)
    assert guest.identity.user_id == "user"
    guest.forget(20, 1)
    assert guest.identity.user_id == ""


@given(st.data())
def test_a_truncated_merge_is_refused(data: st.DataObject) -> None:
    user = UserState()
    learn(user, [event("a", 1)])
    packed = Merge("guest", 5, user.pack()).pack()
    with pytest.raises(ValueError, match="packed"):
        Merge.unpack(packed[: data.draw(st.integers(0, len(packed) - 1))])


def test_a_row_of_another_version_is_refused() -> None:
    packed = bytearray(UserState().pack())
    packed[1] -= 1
    with pytest.raises(ValueError, match="another version"):
        UserState.unpack(bytes(packed))
