"""Order and time: what late, shuffled and repeated records change in the state, and what they don't."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.state.events import Event
from models.state.history import BOUND
from tests.state.builders import Fold, touch
from workers.admin.state.digest import differences

KINDS = ("view", "click", "purchase", "like", "dislike", "impression")
events = st.builds(
    touch,
    item_id=st.sampled_from("abcdef"),
    time_ms=st.integers(0, 10**9),
    user_id=st.sampled_from("uvw"),
    kind=st.sampled_from(KINDS),
)
logs = st.lists(events, max_size=60)
chances = st.randoms(use_true_random=False)


def numbered(log: list[Event]) -> list[Event]:
    """The same events with ids of their own."""
    return [touch(e.item_id, e.time_ms, e.user_id, e.kind, f"e{n}") for n, e in enumerate(log)]


def in_order(log: list[Event]) -> list[Event]:
    return sorted(log, key=lambda event: event.time_ms)


def shuffled(log: list[Event], displacement: int, chance: random.Random) -> list[Event]:
    """The log with no event more than `displacement` places from its own."""
    positions = sorted(range(len(log)), key=lambda position: position + chance.uniform(0, displacement))
    return [log[position] for position in positions]


def same_history_and_taste(first: Fold, second: Fold) -> bool:
    """Histories bit for bit; tastes within 1e-6 of all weights that went in."""
    assert first.exact_users() == second.exact_users()
    for user_id, user in first.users.items():
        size = sum(abs(weight) for weight in user.history.weights)
        ours, theirs = (fold.taste(user_id) for fold in (first, second))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * size)
    return True


@given(logs, chances)
@settings(deadline=None)
def test_late_events_give_the_history_and_taste_of_events_in_time(log: list[Event], chance: random.Random) -> None:
    late = chance.sample(log, len(log))
    assert same_history_and_taste(Fold().publish(in_order(log)), Fold().publish(late))


@given(st.integers(BOUND, BOUND + 40), chances)
@settings(deadline=None, max_examples=15)
def test_events_late_by_less_than_the_history_are_kept_as_in_time(size: int, chance: random.Random) -> None:
    log = [touch(chance.choice("abcdef"), 1_000 * n) for n in range(size)]
    late = shuffled(log, BOUND, chance)
    assert same_history_and_taste(Fold().publish(log), Fold().publish(late))


@given(logs, st.integers(1, 20), chances)
@settings(deadline=None)
def test_a_log_shuffled_with_bounded_displacement_gives_the_same_history_and_taste(
    log: list[Event], displacement: int, chance: random.Random
) -> None:
    moved = shuffled(log, displacement, chance)
    assert same_history_and_taste(Fold().publish(log), Fold().publish(moved))


@given(logs)
@settings(deadline=None)
def test_an_event_that_its_producer_repeats_counts_once(log: list[Event]) -> None:
    once = numbered(log)
    twice = [copy for event in once for copy in (event, event)]
    assert not differences(Fold().publish(once).digest(), Fold().publish(twice).digest(), same_log=False)


@given(logs, st.integers(0, 30))
@settings(deadline=None)
def test_a_repeat_that_comes_later_counts_no_more_than_one_at_once(log: list[Event], later: int) -> None:
    once = numbered(log)
    positions = [*((n, n) for n in range(len(once))), *((n + later, n) for n in range(0, len(once), 10))]
    twice = [once[n] for _, n in sorted(positions)]
    assert not differences(Fold().publish(once).digest(), Fold().publish(twice).digest(), same_log=False)


@given(logs, chances)
@settings(deadline=None)
def test_a_log_read_twice_from_anywhere_gives_the_same_state(log: list[Event], chance: random.Random) -> None:
    straight, replayed = Fold().publish(log), Fold().publish(log)
    for event in replayed.published[chance.randint(0, len(log)) :]:
        replayed.deliver(event)
    assert not differences(straight.digest(), replayed.digest())


def test_swapped_neighbours_lose_the_evidence_between_them_and_nothing_else() -> None:
    ordered = Fold().publish([touch("a", 1), touch("b", 2), touch("c", 3)])
    swapped = Fold().publish([touch("b", 2), touch("a", 1), touch("c", 3)])
    assert len(ordered.item("b").transitions()) == 1
    assert swapped.item("b").transitions() == {}
    assert swapped.item("a").transitions() == {}
    assert swapped.item("c").transitions() == ordered.item("c").transitions()


def test_a_share_of_the_taste_that_waits_is_no_difference_once_the_vector_is_known() -> None:
    log = [touch("a", 1), touch("b", 2)]
    early, late = Fold().publish(log), Fold(known=frozenset("a")).publish(log)
    assert late.users["u"].waiting.item_ids() == ["b"]
    assert not differences(early.digest(), late.digest())
