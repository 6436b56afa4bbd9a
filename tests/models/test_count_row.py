"""A bounded row of counts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.state.count_row import BOUND, SLACK, CountRow


def note(row: CountRow, index: int, amount: int) -> None:
    row.note(np.array([index], dtype=np.uint32), np.array([amount], dtype="<u4").tobytes())


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 2_520)), max_size=100))
def test_counts_are_the_sums_of_what_was_noted(notes: list[tuple[int, int]]) -> None:
    row, expected = CountRow(), dict[int, int]()
    for index, amount in notes:
        note(row, index, amount)
        expected[index] = expected.get(index, 0) + amount
    assert row.counts() == expected


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=2_000))
def test_row_never_outgrows_its_bound(indices: list[int]) -> None:
    row = CountRow()
    for index in indices:
        note(row, index, 1)
    assert len(row.counts()) <= BOUND + SLACK
    assert len(row.pack()) <= 2 + 8 * (BOUND + SLACK)


def test_of_equal_counts_the_one_touched_longest_ago_leaves() -> None:
    row = CountRow()
    for index in (*range(BOUND), 0, *range(BOUND, BOUND + SLACK)):
        note(row, index, 1)
    kept = row.counts()
    assert kept[0] == 2
    assert 1 not in kept
    assert BOUND + SLACK - 1 in kept


def test_count_that_outgrows_32_bits_halves_its_row() -> None:
    row = CountRow()
    note(row, 1, 2**32 - 1)
    note(row, 1, 2**32 - 1)
    note(row, 2, 2**31)
    for _ in range(BOUND + SLACK):
        note(row, 3, 2)
    counts = row.counts()
    assert counts[1] == 2**32 - 1
    assert counts[2] == 2**30


def test_sparse_row_is_sorted_and_in_its_unit() -> None:
    row = CountRow()
    note(row, 9, 2_520)
    note(row, 4, 1_260)
    sparse = row.sparse(unit=2_520)
    assert sparse.indices.tolist() == [4, 9]
    assert sparse.values.tolist() == [0.5, 1.0]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 2_520)), max_size=40),
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 2_520)), max_size=20),
)
def test_what_is_taken_back_leaves_the_rest(kept: list[tuple[int, int]], taken: list[tuple[int, int]]) -> None:
    row, expected = CountRow(), CountRow()
    for index, amount in [*taken, *kept]:
        note(row, index, amount)
    for index, amount in kept:
        note(expected, index, amount)
    for index, amount in taken:
        row.take_back(np.array([index], dtype=np.uint32), np.array([amount], dtype="<u4").tobytes())
    assert row.counts() == expected.counts()


def test_counts_end_at_zero_and_unknown_ones_are_skipped() -> None:
    row = CountRow()
    note(row, 1, 5)
    row.take_back(np.array([1, 2], dtype=np.uint32), np.array([9, 9], dtype="<u4").tobytes())
    assert row.counts() == {}


def test_of_equal_counts_the_order_of_touches_outlives_what_is_taken_back() -> None:
    row = CountRow()
    for index in (*range(1, BOUND + 1), 1, 0, 0):
        note(row, index, 1)
    row.take_back(np.array([0, 1], dtype=np.uint32), np.array([1, 1], dtype="<u4").tobytes())
    newer = range(BOUND + 1, BOUND + SLACK - 1)
    for index in (*newer, *newer[:2]):
        note(row, index, 1)
    assert row.counts().keys() == {0, 1, *newer}
