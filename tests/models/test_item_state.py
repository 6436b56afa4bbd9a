"""An item's row: exactly once, the same in every order of arrival, within its bounds, and as bytes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.count_row import BOUND, SLACK
from models.evidence import Evidence
from models.ids import sparse_index
from models.item_state import ItemState
from tests.models.builders import evidence

before = st.lists(st.sampled_from("acdefgh"), max_size=7, unique=True)
pieces = st.lists(st.tuples(before, st.sampled_from([-4.0, 0.0, 3.0])), max_size=20)


def applied(found: list[Evidence]) -> ItemState:
    item = ItemState()
    for one in found:
        item.apply(one)
    return item


def test_evidence_counts_once() -> None:
    item = ItemState()
    assert item.apply(evidence(5, ["a"]))
    packed = item.pack()
    assert not item.apply(evidence(5, ["a"]))
    assert not item.apply(evidence(4, ["a"]))
    assert item.pack() == packed


def test_offsets_of_another_partition_are_counted_apart() -> None:
    item = applied([evidence(5), evidence(2, partition=1)])
    assert item.count == 2


def test_nearer_predecessor_gets_the_larger_transition() -> None:
    row = applied([evidence(0, ["near", "far"])]).transitions.counts()
    assert row[sparse_index("near")] == 2 * row[sparse_index("far")]


def test_transitions_end_after_ten_items_and_cooccurrence_goes_on() -> None:
    item = applied([evidence(0, [str(lag) for lag in range(50)])])
    assert (len(item.transition_row()), len(item.cooccurrence_row())) == (10, 50)


def test_disliked_item_is_no_better_liked_after_what_came_before() -> None:
    item = applied([evidence(0, ["a"], weight=-4.0)])
    assert len(item.transition_row()) == 1
    assert len(item.cooccurrence_row()) == 0
    assert item.popularity_scores() == (0.0, 0.0, 0.0)


def test_second_touch_by_the_same_user_does_not_make_an_item_more_popular() -> None:
    once, twice = applied([evidence(0)]), applied([evidence(0), evidence(1, first=False)])
    assert twice.count == 1
    assert twice.popularity_scores() == once.popularity_scores()


@given(pieces, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(steps: list[tuple[list[str], float]], chance: random.Random) -> None:
    found = [evidence(offset, names, weight=weight, partition=offset) for offset, (names, weight) in enumerate(steps)]
    straight, shuffled = applied(found), applied(chance.sample(found, len(found)))
    assert shuffled.transitions.counts() == straight.transitions.counts()
    assert shuffled.cooccurrence.counts() == straight.cooccurrence.counts()
    assert shuffled.popularity_scores() == pytest.approx(straight.popularity_scores(), rel=1e-6)


def test_recent_events_make_an_item_trend_above_one_of_the_past() -> None:
    past = applied([evidence(0, clock=clock) for clock in (0,)] + [evidence(at, clock=at) for at in range(1, 9)])
    now = applied([evidence(at, clock=20_000 + at) for at in range(3)])
    short, _, long = zip(past.popularity_scores(), now.popularity_scores(), strict=True)
    assert short[0] < short[1]
    assert long[0] > long[1]


def test_row_is_cut_to_its_bound_and_keeps_what_is_frequent() -> None:
    item = ItemState()
    for offset in range(BOUND + SLACK):
        item.apply(evidence(offset, ["frequent", f"rare-{offset}"]))
    row = item.cooccurrence.counts()
    assert len(row) <= BOUND + SLACK
    assert row[sparse_index("frequent")] == BOUND + SLACK
    assert sparse_index(f"rare-{BOUND + SLACK - 1}") in row
    assert sparse_index("rare-0") not in row


@given(pieces)
def test_replay_after_recovery_gives_the_same_row(steps: list[tuple[list[str], float]]) -> None:
    found = [evidence(offset, names, weight=weight) for offset, (names, weight) in enumerate(steps)]
    recovered = ItemState.unpack(applied(found[: len(found) // 2]).pack())
    for one in found:
        recovered.apply(one)
    assert recovered.pack() == applied(found).pack()


@given(st.data())
def test_torn_row_is_refused(data: st.DataObject) -> None:
    packed = applied([evidence(0, ["a", "c"])]).pack()
    size = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match="packed 'I' row"):
        ItemState.unpack(packed[:size])
