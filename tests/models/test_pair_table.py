"""Counts of pairs, compared with a plain twin: dicts that are added up and sorted."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from models.state.item_state import TRANSITION_UNIT
from models.state.pair_kernels import EMPTY, LARGEST, LIST_BOUND
from models.state.pair_table import Cuts, PairTable
from tests.models.pair_twin import Twin, counts_of, listed, row_of

PairEvent = tuple[int, tuple[int, ...], bool]
"""An event: the row it is on, its predecessors nearest first, whether it was liked."""

TIES = np.random.default_rng(5).permutation(700).tolist()


def random_events(count: int, rows: int, keys: int, seed: int = 1) -> list[PairEvent]:
    rng = np.random.default_rng(seed)
    return [
        (
            int(rng.integers(rows)),
            tuple(rng.choice(keys, size=rng.integers(0, min(51, keys + 1)), replace=False).tolist()),
            bool(rng.integers(2)),
        )
        for _ in range(count)
    ]


def named_table(tie: Sequence[int] = TIES, near_window: int = 10) -> PairTable:
    table = PairTable(near_window)
    for row, index in enumerate(tie):
        table.name(row, index)
    return table


def table_of(events: Sequence[PairEvent], tie: Sequence[int] = TIES, chunk: int = 64, bound: int = 0) -> PairTable:
    table = named_table(tie)
    for begin in range(0, len(events), chunk):
        some = events[begin : begin + chunk]
        table.learn(
            [row for row, _, _ in some],
            [np.array(keys, dtype=np.uint32) for _, keys, _ in some],
            [liked for _, _, liked in some],
            bound,
        )
    return table


def twin_of(events: Iterable[PairEvent], bound: int = 0) -> Twin:
    twin = Twin()
    for row, keys, liked in events:
        twin.learn(row, keys, liked, bound)
    return twin


def test_rows_are_the_exact_counts() -> None:
    events = random_events(2_000, rows=40, keys=300)
    table, twin = table_of(events), twin_of(events)
    assert [counts_of(table.row(row)) for row in range(40)] == [twin.row(row) for row in range(40)]
    assert table.pairs == twin.pairs
    assert table.pairs_of([3, 5, 10**6]) == len(twin.row(3)) + len(twin.row(5))


def test_lists_are_the_largest_counts_by_predecessor() -> None:
    events = random_events(6_000, rows=600, keys=60)
    table, twin = table_of(events), twin_of(events)
    lists = {key: listed(table, key) for key in range(60)}
    assert {len(found) for found in lists.values()} == {LIST_BOUND}
    assert lists == {key: twin.list_of(key, TIES) for key in range(60)}


def test_order_and_chunks_of_events_change_nothing() -> None:
    events = random_events(3_000, rows=500, keys=50)
    other = [events[position] for position in np.random.default_rng(2).permutation(len(events))]
    ours, theirs = table_of(events, chunk=7), table_of(other, chunk=512)
    assert [listed(ours, key) for key in range(50)] == [listed(theirs, key) for key in range(50)]
    assert all(counts_of(ours.row(row)) == counts_of(theirs.row(row)) for row in range(500))


def test_what_is_taken_back_never_was() -> None:
    events = random_events(4_000, rows=500, keys=40)
    table, kept = table_of(events), events[:2_500]
    for row, keys, liked in events[2_500:]:
        table.take_back(row, np.array(keys, dtype=np.uint32), liked)
    table.relist()
    twin = twin_of(kept)
    assert [counts_of(table.row(row)) for row in range(500)] == [twin.row(row) for row in range(500)]
    assert [listed(table, key) for key in range(40)] == [twin.list_of(key, TIES) for key in range(40)]
    assert table.pairs == twin.pairs


def test_counts_that_are_not_known_are_not_missed() -> None:
    table = table_of([(0, (7,), True)])
    for row, key in ((0, 8), (1, 7), (5_000, 7)):
        table.take_back(row, np.array([key], dtype=np.uint32), True)
    table.take_back(0, np.array([7, 7], dtype=np.uint32), True)
    assert counts_of(table.row(0)) == {}
    assert table.pairs == 0


def test_dropped_rows_leave_the_lists_and_their_room_is_used_again() -> None:
    events = random_events(4_000, rows=500, keys=40)
    table = table_of(events)
    gone = {row: table.row(row) for row in range(0, 500, 3)}
    before = table.bytes
    for row in gone:
        table.drop(row)
    table.relist()
    twin = twin_of(event for event in events if event[0] % 3)
    assert [listed(table, key) for key in range(40)] == [twin.list_of(key, TIES) for key in range(40)]
    assert table.pairs == twin.pairs
    for row, counts in gone.items():
        table.put(row, counts)
    assert table.bytes <= before


def test_rows_that_are_put_are_those_that_were_learned() -> None:
    events = random_events(4_000, rows=500, keys=40)
    table, copy = table_of(events), named_table()
    for row in range(500):
        copy.put(row, table.row(row))
    assert [listed(copy, key) for key in range(40)] == [listed(table, key) for key in range(40)]
    for row in range(500):
        copy.put(row, table.row(row))
    copy.relist()
    assert [listed(copy, key) for key in range(40)] == [listed(table, key) for key in range(40)]
    assert all(counts_of(copy.row(row)) == counts_of(table.row(row)) for row in range(500))
    assert copy.pairs == table.pairs


def test_row_keeps_the_largest_when_it_is_cut_and_among_equals_those_of_smaller_keys() -> None:
    counts = {1: (10, 0), 2: (TRANSITION_UNIT, 0), 3: (0, 1), 4: (0, 1), 5: (TRANSITION_UNIT + 1, 0), 6: (1, 0)}
    table = named_table()
    table.put(0, row_of(counts))
    table.cut(0, 6)
    assert (counts_of(table.row(0)), table.cuts) == (counts, Cuts(0, 0))
    table.cut(0, 3)
    table.relist()
    assert counts_of(table.row(0)) == {key: counts[key] for key in (2, 3, 5)}
    assert [listed(table, key) for key in range(1, 7)] == [set(), {0}, {0}, set(), {0}, set()]
    assert (table.pairs, table.cuts) == (3, Cuts(1, 3))


def test_cut_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="drop it"):
        named_table().cut(0, 0)


def test_row_is_cut_by_the_event_after_which_it_has_twice_its_bound() -> None:
    events: list[PairEvent] = [(0, (1, 2, 3), True), (0, (4, 5), True), (0, (6,), True), (0, (1,), True)]
    assert len(table_of(events[:2], bound=3).row(0).keys) == 5
    assert counts_of(table_of(events[:3], bound=3).row(0)).keys() == {1, 4, 6}
    assert counts_of(table_of(events, bound=3).row(0)) == twin_of(events, bound=3).row(0)


def test_pairs_that_were_taken_back_do_not_count_for_the_bound() -> None:
    table = table_of([(0, (1, 2, 3, 4, 5), True)], bound=3)
    table.take_back(0, np.array([1, 2], dtype=np.uint32), True)
    table.take_back(0, np.array([9, 1, 2], dtype=np.uint32), True)
    table.learn([0], [np.array([6, 7], dtype=np.uint32)], [True], bounds=[3])
    assert (len(table.row(0).keys), table.cuts) == (5, Cuts(0, 0))
    table.learn([0], [np.array([8], dtype=np.uint32)], [True], bounds=[3])
    assert (len(table.row(0).keys), table.cuts) == (3, Cuts(1, 3))


def test_each_event_has_its_own_bound() -> None:
    keys = [np.arange(9, dtype=np.uint32)] * 3
    table = named_table()
    table.learn([0, 1, 2], keys, [True] * 3, bounds=[0, 2, 5])
    assert [len(table.row(row).keys) for row in range(3)] == [9, 2, 9]


def test_without_a_window_of_near_ones_only_liked_events_count() -> None:
    table = named_table(near_window=0)
    table.learn([0, 0], [np.array([1], dtype=np.uint32), np.array([2], dtype=np.uint32)], [True, False])
    assert counts_of(table.row(0)) == {1: (0, 1)}


def test_sums_of_successors_and_counts_of_pairs_agree() -> None:
    events = random_events(500, rows=100, keys=30)
    table = table_of(events)
    keys = np.array([3, 5, 29, 31], dtype=np.uint32)
    weights = np.array([[0.5, 1.0], [0.25, 0.0], [1.0, 2.0], [9.0, 9.0]])
    rows, sums = table.successors(keys, weights)
    everywhere = np.einsum("nkc,kc->nc", table.counts(np.arange(100), keys), weights)
    assert sorted(rows.tolist()) == np.flatnonzero(everywhere.any(axis=1)).tolist()
    assert sums == pytest.approx(everywhere[rows])
    again, same = table.successors(keys, weights)
    assert (again.tolist(), same.tolist()) == (rows.tolist(), sums.tolist())


def test_counts_stop_at_the_largest_number() -> None:
    table = PairTable()
    table.put(0, row_of({7: (LARGEST - 1, LARGEST - 1)}))
    table.learn([0, 0, 0], [np.array([7], dtype=np.uint32)] * 3, [True] * 3)
    assert counts_of(table.row(0)) == {7: (LARGEST, LARGEST)}


def test_index_that_stands_for_a_free_place_counts_as_its_neighbour() -> None:
    table = table_of([(0, (EMPTY, 3), True)])
    assert counts_of(table.row(0)) == {3: (TRANSITION_UNIT // 2, 1), EMPTY - 1: (TRANSITION_UNIT, 1)}
    table.put(1, row_of({EMPTY: (1, 1), EMPTY - 1: (2, 0)}))
    assert counts_of(table.row(1)) == {EMPTY - 1: (3, 1)}


def test_rows_far_beyond_the_first_ones_are_made() -> None:
    table = table_of([(70_000, (1, 2), True)], [])
    assert counts_of(table.row(70_000)) == {1: (2520, 1), 2: (1260, 1)}
    assert counts_of(table.row(69_999)) == counts_of(table.row(10**6)) == {}


def test_rows_that_were_never_named_have_no_counts() -> None:
    table = PairTable()
    table.learn([3], [np.array([7], dtype=np.uint32)], [True])
    assert not table.counts(np.array([3_000_000, 5_000]), np.array([7], dtype=np.uint32)).any()
