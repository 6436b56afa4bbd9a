"""The pairs of all items: what evidence says of them, in both tables, by slot."""

import random
from collections.abc import Iterable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.ids import sparse_index
from models.primitives.packing import Reader
from models.state.evidence import WINDOW, Evidence
from models.state.item_pairs import ItemPairs
from models.state.pair_table import PairTable
from tests.models.builders import evidence

NAMES = "abcdefgh"
names = st.lists(st.sampled_from(NAMES), max_size=6, unique=True)
pieces = st.builds(
    evidence,
    predecessors=names,
    weight=st.sampled_from([-4.0, 0.0, 3.0]),
    bought_with=st.none() | names,
)
events = st.lists(st.tuples(st.integers(0, 3), pieces), max_size=30)

Columns = dict[int, tuple[list[int], list[int], list[int]]]


def pairs_of(found: Iterable[tuple[int, Evidence]], slots: Iterable[int] = range(4)) -> ItemPairs:
    pairs, order = ItemPairs(), list(slots)
    for slot in order:
        pairs.name(slot, sparse_index(f"item {order.index(slot)}"))
    for item, piece in found:
        pairs.learn(order[item], piece)
    return pairs


def lists(table: PairTable) -> Columns:
    return {key: (row.keys.tolist(), row.near.tolist(), row.liked.tolist()) for key, row in table.lists().items()}


def all_lists(pairs: ItemPairs) -> tuple[Columns, Columns]:
    pairs.relist()
    return lists(pairs.followed), lists(pairs.bought)


def packed(pairs: ItemPairs, slots: Iterable[int] = range(4)) -> list[bytes]:
    return [pairs.pack(slot) for slot in slots]


def test_what_came_before_and_what_was_bought_are_counted_apart() -> None:
    pairs = pairs_of([(0, evidence(0, ["a", "b"], weight=-1.0, bought_with=["c"]))])
    pairs.settle()
    followed, bought = pairs.followed.row(0), pairs.bought.row(0)
    assert dict(zip(followed.keys.tolist(), followed.near.tolist(), strict=True)) == {
        sparse_index("a"): 2520,
        sparse_index("b"): 1260,
    }
    assert followed.liked.tolist() == [0, 0]
    assert (bought.keys.tolist(), bought.near.tolist(), bought.liked.tolist()) == ([sparse_index("c")], [0], [1])


def test_no_more_predecessors_count_than_the_window_has() -> None:
    pairs = pairs_of([(0, evidence(0, [str(n) for n in range(WINDOW + 5)], bought_with=[]))])
    pairs.settle()
    assert (len(pairs.followed.row(0).keys), len(pairs.bought.row(0).keys)) == (WINDOW, 0)


@given(events, st.randoms(use_true_random=False))
def test_order_of_evidence_and_numbers_of_slots_change_neither_rows_nor_lists(
    found: list[tuple[int, Evidence]], chance: random.Random
) -> None:
    straight, slots = pairs_of(found), chance.sample(range(4), 4)
    shuffled = pairs_of(chance.sample(found, len(found)), slots)
    assert packed(straight) == packed(shuffled, slots)
    assert all_lists(straight) == all_lists(shuffled)


@given(events, st.integers(0, 30))
def test_what_is_taken_back_never_was(found: list[tuple[int, Evidence]], kept: int) -> None:
    pairs = pairs_of(found)
    for slot, piece in found[kept:]:
        pairs.take_back(slot, piece)
    assert packed(pairs) == packed(pairs_of(found[:kept]))
    assert all_lists(pairs) == all_lists(pairs_of(found[:kept]))


@given(events, st.permutations(range(4)))
def test_rows_that_were_packed_make_the_lists_that_evidence_made(
    found: list[tuple[int, Evidence]], order: list[int]
) -> None:
    learned, loaded = pairs_of(found), pairs_of([])
    for slot in order:
        reader = Reader(b"I\x01" + learned.pack(slot), b"I", 1)
        loaded.load(slot, reader)
        reader.end()
    assert packed(loaded) == packed(learned)
    assert all_lists(loaded) == all_lists(learned)


@given(events, st.integers(0, 3))
def test_a_slot_that_was_dropped_is_as_if_it_had_no_evidence(found: list[tuple[int, Evidence]], gone: int) -> None:
    pairs = pairs_of(found)
    pairs.drop(gone)
    rest = pairs_of((slot, piece) for slot, piece in found if slot != gone)
    assert packed(pairs) == packed(rest)
    assert all_lists(pairs) == all_lists(rest)


def test_a_bound_cuts_both_tables_at_the_event_that_fills_them() -> None:
    pairs = ItemPairs()
    for number in range(4):
        pairs.learn(0, evidence(number, [f"p{number}"], bought_with=[f"q{number}"]), bound=2)
    pairs.settle()
    assert [len(table.row(0).keys) for table in (pairs.followed, pairs.bought)] == [2, 2]
    assert np.array_equal(pairs.followed.cuts, (1, 2))
