"""An item's use: exactly once, the same in every order of arrival, and as bytes."""

import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.ids import sparse_index
from models.state.evidence import Evidence
from models.state.item_pairs import ItemPairs
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


@dataclass
class Item:
    """An item with pairs of its own."""

    pairs: ItemPairs = field(default_factory=ItemPairs)

    def __post_init__(self) -> None:
        self.state = ItemState(self.pairs, slot=0)

    def rows(self) -> list[dict[int, int]]:
        """Transitions, co-occurrence, bought together: counts by the other's index, none that is 0."""
        self.pairs.settle()
        followed, bought = self.pairs.followed.row(0), self.pairs.bought.row(0)
        columns = ((followed.keys, followed.near), (followed.keys, followed.liked), (bought.keys, bought.liked))
        return [{key: n for key, n in zip(keys.tolist(), ns.tolist(), strict=True) if n} for keys, ns in columns]

    def recovered(self) -> "Item":
        """The same item after it was packed and read again."""
        copy = Item()
        copy.state = ItemState.unpack(self.state.pack(), copy.pairs, 0)
        return copy


def applied(found: list[Evidence]) -> Item:
    item = Item()
    for one in found:
        item.state.apply(one)
    return item


def known(item: Item) -> dict[str, object]:
    """All that can be observed from outside, but for sums with decay."""
    state = item.state
    return {
        "counts": (state.count, state.likes, state.buyers, state.ratings, state.stars),
        "rows": item.rows(),
        "mean": state.mean_rating,
    }


def decayed(item: Item, clock: int = 3_000, time_ms: int = 3 * DAY_MS) -> list[float]:
    """Popularity at one moment, in touches."""
    scores = (*item.state.popularity_scores(), item.state.day_score())
    return [
        2.0 ** (score - 1.0 - age) if score else 0.0
        for score, age in zip(scores, (clock / 1_000, clock / 5_000, clock / 50_000, time_ms / DAY_MS), strict=True)
    ]


def test_evidence_counts_once() -> None:
    item = Item().state
    assert item.apply(evidence(5, ["a"]))
    packed = item.pack()
    assert not item.apply(evidence(5, ["a"]))
    assert not item.apply(evidence(4, ["a"]))
    assert item.pack() == packed


def test_offsets_of_another_partition_are_counted_apart() -> None:
    item = applied([evidence(5), evidence(2, partition=1)])
    assert item.state.count == 2


def test_nearer_predecessor_gets_the_larger_transition() -> None:
    row = applied([evidence(0, ["near", "far"])]).rows()[0]
    assert row[sparse_index("near")] == 2 * row[sparse_index("far")]


def test_transitions_end_after_ten_items_and_cooccurrence_goes_on() -> None:
    item = applied([evidence(0, [str(lag) for lag in range(50)])])
    assert list(map(len, item.rows())) == [10, 50, 0]


def test_disliked_item_is_no_better_liked_after_what_came_before() -> None:
    item = applied([evidence(0, ["a"], weight=-4.0)])
    assert list(map(len, item.rows())) == [1, 0, 0]
    assert item.state.popularity_scores() == (0.0, 0.0, 0.0)


def test_second_touch_by_the_same_user_does_not_make_an_item_more_popular() -> None:
    once, twice = applied([evidence(0)]).state, applied([evidence(0), evidence(1, first=False)]).state
    assert twice.count == 1
    assert twice.popularity_scores() == once.popularity_scores()


@given(pieces, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(steps: list[tuple[list[str], float]], chance: random.Random) -> None:
    found = [evidence(offset, names, weight=weight, partition=offset) for offset, (names, weight) in enumerate(steps)]
    straight, shuffled = applied(found), applied(chance.sample(found, len(found)))
    assert shuffled.rows() == straight.rows()
    assert shuffled.state.popularity_scores() == pytest.approx(straight.state.popularity_scores(), rel=1e-6)


def test_recent_events_make_an_item_trend_above_one_of_the_past() -> None:
    past = applied([evidence(0, clock=clock) for clock in (0,)] + [evidence(at, clock=at) for at in range(1, 9)])
    now = applied([evidence(at, clock=20_000 + at) for at in range(3)])
    short, _, long = zip(past.state.popularity_scores(), now.state.popularity_scores(), strict=True)
    assert short[0] < short[1]
    assert long[0] > long[1]


def test_a_row_is_exact_however_long_it_grows() -> None:
    item = applied([evidence(offset, ["frequent", f"rare-{offset}"]) for offset in range(1_000)])
    row = item.rows()[1]
    assert len(row) == 1_001
    assert row[sparse_index("frequent")] == 1_000


def test_a_row_with_a_bound_is_cut_to_it_at_twice_as_many_and_keeps_what_is_frequent() -> None:
    item = Item()
    for offset in range(399):
        item.state.apply(evidence(offset, ["frequent", f"rare-{offset}"]), 200)
    assert len(item.rows()[1]) == 200
    assert item.rows()[1][sparse_index("frequent")] == 399


@given(pieces)
def test_replay_after_recovery_gives_the_same_row(steps: list[tuple[list[str], float]]) -> None:
    found = [evidence(offset, names, weight=weight) for offset, (names, weight) in enumerate(steps)]
    recovered = applied(found[: len(found) // 2]).recovered()
    for one in found:
        recovered.state.apply(one)
    assert recovered.state.pack() == applied(found).state.pack()


@given(st.data())
def test_truncated_row_is_refused(data: st.DataObject) -> None:
    packed = applied([evidence(0, ["a", "c"])]).state.pack()
    size = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match="packed 'I' row"):
        ItemState.unpack(packed[:size], ItemPairs(), 0)


def test_pair_bought_by_two_users_counts_twice_and_views_do_not() -> None:
    item = applied([evidence(0, bought_with=["a"]), evidence(1, bought_with=["a", "c"]), evidence(2, ["a"])])
    assert item.rows()[2] == {sparse_index("a"): 2, sparse_index("c"): 1}
    assert item.state.buyers == 2


def test_mean_rating_is_that_of_all_stars_given() -> None:
    item = applied([evidence(0), evidence(1, rating=4.0), evidence(2, rating=2.5, first=False)])
    assert item.state.mean_rating == 3.25
    assert applied([evidence(0)]).state.mean_rating is None


def test_what_is_liked_today_passes_what_was_liked_more_two_days_ago() -> None:
    past = applied([evidence(at, time_ms=20_000 * DAY_MS) for at in range(3)]).state
    today = applied([evidence(0, time_ms=20_002 * DAY_MS)]).state
    assert today.day_score() > past.day_score() > 0.0
    assert Item().state.day_score() == 0.0


@given(st.lists(anything, max_size=12), st.lists(anything, min_size=1, max_size=6))
def test_evidence_taken_back_is_as_if_it_had_never_come(others: list[Evidence], pieces: list[Evidence]) -> None:
    learned = [replace(one, origin=(0, at)) for at, one in enumerate(pieces)]
    rest = [replace(one, origin=(1, at)) for at, one in enumerate(others)]
    item, never = applied(learned + rest), applied(rest)
    assert item.state.retract(retraction(99, *learned))
    assert known(item) == known(never)
    assert decayed(item) == pytest.approx(decayed(never), rel=1e-6, abs=1e-9)
    if not rest:
        ours, theirs = item.state, never.state
        assert (ours.popularity, ours.popularity_scores()) == (theirs.popularity, theirs.popularity_scores())


@given(st.lists(anything, max_size=12), st.lists(anything, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_retraction_and_evidence_of_others_commute(
    others: list[Evidence], pieces: list[Evidence], chance: random.Random
) -> None:
    learned = [replace(one, origin=(0, at)) for at, one in enumerate(pieces)]
    rest = [replace(one, origin=(at + 1, 0)) for at, one in enumerate(others)]
    straight = applied([*learned, *rest])
    straight.state.retract(retraction(99, *learned))
    mixed, at = applied(learned), chance.randint(0, len(rest))
    late = chance.sample(rest, len(rest))
    for one in late[:at]:
        mixed.state.apply(one)
    mixed.state.retract(retraction(99, *learned))
    for one in late[at:]:
        mixed.state.apply(one)
    assert known(mixed) == known(straight)
    assert decayed(mixed) == pytest.approx(decayed(straight), rel=1e-6, abs=1e-9)


def test_retraction_counts_once_and_evidence_from_before_it_is_not_taken_again() -> None:
    one, item = evidence(3, ["a"]), Item().state
    item.apply(one)
    item.apply(evidence(0, ["a"], partition=1))
    assert item.retract(retraction(7, one))
    packed = item.pack()
    assert not item.retract(retraction(7, one))
    assert not item.apply(one)
    assert item.pack() == packed
    assert item.count == 1


def test_what_a_row_has_dropped_is_not_missed_when_it_is_taken_back() -> None:
    item, first = Item(), evidence(0, ["dropped"], bought_with=["dropped"])
    item.state.apply(first, 10)
    for offset in range(1, 40):
        item.state.apply(evidence(offset, [f"other-{offset % 10}" if offset <= 30 else f"rare-{offset}"]), 10)
    before = item.rows()[:2]
    assert sparse_index("dropped") not in before[1]
    assert item.state.retract(retraction(10_000, first, first))
    assert item.rows()[:2] == before
    assert item.state.buyers == 0


def test_an_old_like_still_counts_when_a_later_one_is_taken_back() -> None:
    late = evidence(0, clock=10**9, time_ms=30_000 * DAY_MS, partition=1)
    item = applied([evidence(0), late])
    item.state.retract(retraction(1, late, partition=1))
    assert all(score > 0.0 for score in (*item.state.popularity_scores(), item.state.day_score()))
    assert item.state.count == 1
