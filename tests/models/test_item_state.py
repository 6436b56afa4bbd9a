"""An item's row: exactly once, the same in every order of arrival, within its bounds, and as bytes."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.state.count_row import BOUND, SLACK

from models.primitives.ids import sparse_index
from models.state.evidence import Evidence
from models.state.item_state import DAY_MS, ItemState
from tests.models.builders import evidence, retraction

before = st.lists(st.sampled_from("acdefgh"), max_size=7, unique=True)
pieces = st.lists(st.tuples(before, st.sampled_from([-4.0, 0.0, 3.0])), max_size=20)
anything = st.builds(
    evidence,
    offset=st.just(0),
    predecessors=before,
    weight=st.sampled_from([-4.0, 0.0, 3.0]),
    clock=st.integers(0, 3_000),
    time_ms=st.integers(0, 3 * DAY_MS),
    first=st.booleans(),
    bought_with=st.none() | before,
    rating=st.none() | st.sampled_from([0.5, 3.0, 4.3]),
)


def applied(found: list[Evidence]) -> ItemState:
    item = ItemState()
    for one in found:
        item.apply(one)
    return item


def known(item: ItemState) -> dict[str, object]:
    """All that can be observed from outside; sums with decay to nine digits."""
    return {
        "counts": (item.count, item.likes, item.buyers, item.ratings, item.stars),
        "rows": (item.transitions.counts(), item.cooccurrence.counts(), item.bought.counts()),
        "mean": item.mean_rating,
    }


def decayed(item: ItemState, clock: int = 3_000, time_ms: int = 3 * DAY_MS) -> list[float]:
    """Popularity at one moment, in touches."""
    scores = (*item.popularity_scores(), item.day_score())
    return [
        2.0 ** (score - 1.0 - age) if score else 0.0
        for score, age in zip(scores, (clock / 1_000, clock / 5_000, clock / 50_000, time_ms / DAY_MS), strict=True)
    ]


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
def test_truncated_row_is_refused(data: st.DataObject) -> None:
    packed = applied([evidence(0, ["a", "c"])]).pack()
    size = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match="packed 'I' row"):
        ItemState.unpack(packed[:size])


def test_pair_bought_by_two_users_counts_twice_and_views_do_not() -> None:
    item = applied([evidence(0, bought_with=["a"]), evidence(1, bought_with=["a", "c"]), evidence(2, ["a"])])
    assert item.bought.counts() == {sparse_index("a"): 2, sparse_index("c"): 1}
    assert (item.buyers, len(item.bought_row())) == (2, 2)


def test_mean_rating_is_that_of_all_stars_given() -> None:
    item = applied([evidence(0), evidence(1, rating=4.0), evidence(2, rating=2.5, first=False)])
    assert item.mean_rating == 3.25
    assert applied([evidence(0)]).mean_rating is None


def test_what_is_liked_today_passes_what_was_liked_more_two_days_ago() -> None:
    past = applied([evidence(at, time_ms=20_000 * DAY_MS) for at in range(3)])
    today = applied([evidence(0, time_ms=20_002 * DAY_MS)])
    assert today.day_score() > past.day_score() > 0.0
    assert ItemState().day_score() == 0.0


@given(st.lists(anything, max_size=12), st.lists(anything, min_size=1, max_size=6))
def test_evidence_taken_back_is_as_if_it_had_never_come(others: list[Evidence], pieces: list[Evidence]) -> None:
    learned = [replace(one, origin=(0, at)) for at, one in enumerate(pieces)]
    rest = [replace(one, origin=(1, at)) for at, one in enumerate(others)]
    item, never = applied(learned + rest), applied(rest)
    assert item.retract(retraction(99, *learned))
    assert known(item) == known(never)
    assert decayed(item) == pytest.approx(decayed(never), rel=1e-6, abs=1e-9)
    if not rest:
        assert (item.popularity, item.popularity_scores()) == (never.popularity, never.popularity_scores())


@given(st.lists(anything, max_size=12), st.lists(anything, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_retraction_and_evidence_of_others_commute(
    others: list[Evidence], pieces: list[Evidence], chance: random.Random
) -> None:
    learned = [replace(one, origin=(0, at)) for at, one in enumerate(pieces)]
    rest = [replace(one, origin=(at + 1, 0)) for at, one in enumerate(others)]
    straight = applied([*learned, *rest])
    straight.retract(retraction(99, *learned))
    mixed, at = applied(learned), chance.randint(0, len(rest))
    late = chance.sample(rest, len(rest))
    for one in late[:at]:
        mixed.apply(one)
    mixed.retract(retraction(99, *learned))
    for one in late[at:]:
        mixed.apply(one)
    assert known(mixed) == known(straight)
    assert decayed(mixed) == pytest.approx(decayed(straight), rel=1e-6, abs=1e-9)


def test_retraction_counts_once_and_evidence_from_before_it_is_not_taken_again() -> None:
    one, item = evidence(3, ["a"]), ItemState()
    item.apply(one)
    item.apply(evidence(0, ["a"], partition=1))
    assert item.retract(retraction(7, one))
    packed = item.pack()
    assert not item.retract(retraction(7, one))
    assert not item.apply(one)
    assert item.pack() == packed
    assert item.count == 1


def test_what_a_row_has_dropped_is_not_missed_when_it_is_taken_back() -> None:
    item, first = ItemState(), evidence(0, ["dropped"], bought_with=["dropped"])
    item.apply(first)
    for offset in range(1, BOUND + SLACK):
        item.apply(evidence(offset, [f"other-{offset % 200}", f"rare-{offset}"]))
    before = item.cooccurrence.counts()
    assert sparse_index("dropped") not in before
    assert item.retract(retraction(10_000, first, first))
    assert item.cooccurrence.counts() == before
    assert item.buyers == 0


def test_an_old_like_still_counts_when_a_later_one_is_taken_back() -> None:
    late = evidence(0, clock=10**9, time_ms=30_000 * DAY_MS, partition=1)
    item = applied([evidence(0), late])
    item.retract(retraction(1, late, partition=1))
    assert all(score > 0.0 for score in (*item.popularity_scores(), item.day_score()))
    assert item.count == 1
