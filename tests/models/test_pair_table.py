"""Counts of pairs, compared with a plain twin: dicts that are added up and sorted."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from models.state.item_state import NEAR_WINDOW, TRANSITION_UNIT
from models.state.pair_kernels import EMPTY, LARGEST, LIST_BOUND
from models.state.pair_table import PairRow, PairTable

PairEvent = tuple[int, tuple[int, ...], bool]
"""An event: the row it is on, its predecessors nearest first, whether it was liked."""


class Twin:
    """The same counts in dicts, without a bound, a block or a compiler."""

    def __init__(self, events: Iterable[PairEvent]) -> None:
        self.near: Counter[tuple[int, int]] = Counter()
        self.liked: Counter[tuple[int, int]] = Counter()
        for row, keys, liked in events:
            for position, key in enumerate(keys):
                self.near[row, key] += TRANSITION_UNIT // (position + 1) if position < NEAR_WINDOW else 0
                self.liked[row, key] += liked

    def row(self, row: int) -> dict[int, tuple[int, int]]:
        return {
            key: (self.near[of, key], self.liked[of, key])
            for of, key in sorted(self.near)
            if of == row and (self.near[of, key] or self.liked[of, key])
        }

    def list_of(self, key: int, tie: Sequence[int]) -> set[int]:
        rows = {row for row, of in self.near if of == key and (self.near[row, key] or self.liked[row, key])}
        ranked = sorted(rows, key=lambda row: (-self.near[row, key] - TRANSITION_UNIT * self.liked[row, key], tie[row]))
        return set(ranked[:LIST_BOUND])


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


def table_of(events: Sequence[PairEvent], tie: Sequence[int], chunk: int = 64) -> PairTable:
    table = PairTable()
    for row, index in enumerate(tie):
        table.name(row, index)
    for begin in range(0, len(events), chunk):
        some = events[begin : begin + chunk]
        table.learn(
            [row for row, _, _ in some],
            [np.array(keys, dtype=np.uint32) for _, keys, _ in some],
            [liked for _, _, liked in some],
        )
    return table


def counts_of(row: PairRow) -> dict[int, tuple[int, int]]:
    return dict(
        zip(row.keys.tolist(), zip(row.near.tolist(), row.liked.tolist(), strict=True), strict=True),
    )


def listed(table: PairTable, key: int) -> set[int]:
    rows, _ = table.successors(np.array([key], dtype=np.uint32), np.ones((1, 2)))
    return set(rows.tolist())


TIES = np.random.default_rng(5).permutation(700).tolist()


def test_rows_are_the_exact_counts() -> None:
    events = random_events(2_000, rows=40, keys=300)
    table, twin = table_of(events, TIES), Twin(events)
    assert [counts_of(table.row(row)) for row in range(40)] == [twin.row(row) for row in range(40)]
    assert table.pairs == sum(len(twin.row(row)) for row in range(40))


def test_lists_are_the_largest_counts_by_predecessor() -> None:
    events = random_events(6_000, rows=600, keys=60)
    table, twin = table_of(events, TIES), Twin(events)
    lists = {key: listed(table, key) for key in range(60)}
    assert {len(found) for found in lists.values()} == {LIST_BOUND}
    assert lists == {key: twin.list_of(key, TIES) for key in range(60)}


def test_order_and_chunks_of_events_change_nothing() -> None:
    events = random_events(3_000, rows=500, keys=50)
    other = [events[position] for position in np.random.default_rng(2).permutation(len(events))]
    ours, theirs = table_of(events, TIES, chunk=7), table_of(other, TIES, chunk=512)
    assert [listed(ours, key) for key in range(50)] == [listed(theirs, key) for key in range(50)]
    assert all(counts_of(ours.row(row)) == counts_of(theirs.row(row)) for row in range(500))


def test_what_is_taken_back_never_was() -> None:
    events = random_events(4_000, rows=500, keys=40)
    table, kept = table_of(events, TIES), events[:2_500]
    for row, keys, liked in events[2_500:]:
        table.take_back(row, np.array(keys, dtype=np.uint32), liked)
    table.relist()
    twin = Twin(kept)
    assert [counts_of(table.row(row)) for row in range(500)] == [twin.row(row) for row in range(500)]
    assert [listed(table, key) for key in range(40)] == [twin.list_of(key, TIES) for key in range(40)]


def test_counts_that_are_not_known_are_not_missed() -> None:
    table = table_of([(0, (7,), True)], TIES)
    for row, key in ((0, 8), (1, 7), (5_000, 7)):
        table.take_back(row, np.array([key], dtype=np.uint32), True)
    table.take_back(0, np.array([7, 7], dtype=np.uint32), True)
    assert counts_of(table.row(0)) == {}


def test_dropped_rows_leave_the_lists_and_their_room_is_used_again() -> None:
    events = random_events(4_000, rows=500, keys=40)
    table = table_of(events, TIES)
    gone = {row: table.row(row) for row in range(0, 500, 3)}
    before = table.bytes
    for row in gone:
        table.drop(row)
    table.relist()
    twin = Twin(event for event in events if event[0] % 3)
    assert [listed(table, key) for key in range(40)] == [twin.list_of(key, TIES) for key in range(40)]
    for row, counts in gone.items():
        table.put(row, counts)
    assert table.bytes <= before


def test_rows_that_are_put_are_those_that_were_learned() -> None:
    events = random_events(4_000, rows=500, keys=40)
    table, copy = table_of(events, TIES), table_of([], TIES)
    for row in range(500):
        copy.put(row, table.row(row))
    assert [listed(copy, key) for key in range(40)] == [listed(table, key) for key in range(40)]
    for row in range(500):
        copy.put(row, table.row(row))
    copy.relist()
    assert [listed(copy, key) for key in range(40)] == [listed(table, key) for key in range(40)]
    assert all(counts_of(copy.row(row)) == counts_of(table.row(row)) for row in range(500))


def test_sums_of_successors_and_counts_of_pairs_agree() -> None:
    events = random_events(500, rows=100, keys=30)
    table = table_of(events, TIES)
    keys = np.array([3, 5, 29, 31], dtype=np.uint32)
    weights = np.array([[0.5, 1.0], [0.25, 0.0], [1.0, 2.0], [9.0, 9.0]])
    rows, sums = table.successors(keys, weights)
    expected = np.einsum("nkc,kc->nc", table.counts(rows.astype(np.intp), keys), weights)
    assert sums == pytest.approx(expected)
    again, same = table.successors(keys, weights)
    assert (again.tolist(), same.tolist()) == (rows.tolist(), sums.tolist())


def test_counts_stop_at_the_largest_number() -> None:
    table = PairTable()
    almost = np.array([LARGEST - 1], dtype=np.uint32)
    table.put(0, PairRow(np.array([7], dtype=np.uint32), almost, almost))
    table.learn([0, 0, 0], [np.array([7], dtype=np.uint32)] * 3, [True] * 3)
    assert counts_of(table.row(0)) == {7: (LARGEST, LARGEST)}


def test_index_that_stands_for_a_free_place_counts_as_its_neighbour() -> None:
    table = table_of([(0, (EMPTY, 3), True)], TIES)
    assert counts_of(table.row(0)) == {3: (TRANSITION_UNIT // 2, 1), EMPTY - 1: (TRANSITION_UNIT, 1)}


def test_rows_far_beyond_the_first_ones_are_made() -> None:
    table = table_of([(70_000, (1, 2), True)], [])
    assert counts_of(table.row(70_000)) == {1: (2520, 1), 2: (1260, 1)}
    assert counts_of(table.row(69_999)) == counts_of(table.row(10**6)) == {}


def test_rows_that_were_never_named_have_no_counts() -> None:
    table = PairTable()
    table.learn([3], [np.array([7], dtype=np.uint32)], [True])
    assert not table.counts(np.array([3_000_000, 5_000]), np.array([7], dtype=np.uint32)).any()
