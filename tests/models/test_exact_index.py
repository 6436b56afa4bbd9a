"""Exact search and its sparse rows against the plain arithmetic they stand for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.primitives.sparse import SparseVector
from models.retrieval.exact_index import ExactIndex
from models.retrieval.sparse_rows import SparseRows

rows = st.dictionaries(st.integers(0, 30), st.integers(1, 8).map(float), max_size=12)
changes = st.lists(st.tuples(st.integers(0, 7), st.one_of(st.none(), rows)), max_size=60)


def with_rows(**rows: dict[int, float]) -> ExactIndex:
    index = ExactIndex(dense={}, sparse=["row"])
    for item_id, row in rows.items():
        index.add(item_id)
        index.put_sparse(item_id, "row", SparseVector.of(row))
    return index


@settings(deadline=None)
@given(changes=changes, query=rows)
def test_any_history_of_row_changes_scores_like_the_last_rows(
    changes: list[tuple[int, dict[int, float] | None]], query: dict[int, float]
) -> None:
    sparse = SparseRows()
    plain: dict[int, dict[int, float]] = {}
    for slot, row in changes:
        if row is None:
            sparse.clear(slot)
            plain.pop(slot, None)
        else:
            sparse.set(slot, SparseVector.of(row))
            plain[slot] = row
    expected = [sum(query.get(i, 0.0) * w for i, w in plain.get(slot, {}).items()) for slot in range(8)]
    assert sparse.scores(SparseVector.of(query), 8).tolist() == expected
    for slot in range(8):
        row_now = sparse.get(slot)
        found = None if row_now is None else dict(zip(row_now.indices.tolist(), row_now.values.tolist(), strict=True))
        assert found == plain.get(slot)


def test_rows_that_change_for_ever_do_not_grow_the_arena_for_ever() -> None:
    sparse = SparseRows()
    generator = np.random.default_rng(5)
    for turn in range(4_000):
        indices = np.sort(generator.choice(100, 20, replace=False)).astype(np.uint32)
        sparse.set(turn % 50, SparseVector(indices, np.ones(20, dtype=np.float32)))
    assert sparse.allocated_entries < 8_000  # 1,000 live entries; 80,000 were written


def test_search_orders_by_score_then_id_and_cuts_ties_by_id() -> None:
    index = with_rows(d={1: 1.0}, b={1: 1.0}, c={1: 2.0}, a={1: 1.0})
    assert index.search_sparse("row", SparseVector.of({1: 1.0}), 3) == [("c", 2.0), ("a", 1.0), ("b", 1.0)]


def test_asking_changes_nothing() -> None:
    index = with_rows(a={1: 1.0}, b={1: 3.0})
    query = SparseVector.of({1: 1.0})
    first = index.search_sparse("row", query, 2, excluded=["b"])
    row = index.sparse("a", "row")
    assert row is not None
    row.values[:] = 99.0
    assert index.search_sparse("row", query, 2, excluded=["b"]) == first == [("a", 1.0)]


def test_predicate_filters_without_coming_back_short() -> None:
    index = with_rows(**{f"i{n:02}": {1: float(n + 1)} for n in range(50)})
    found = index.search_sparse("row", SparseVector.of({1: 1.0}), 3, allowed=lambda item_id: item_id < "i10")
    assert [item_id for item_id, _ in found] == ["i09", "i08", "i07"]


def test_predicate_keeps_ties_for_the_id_to_decide() -> None:
    index = with_rows(d={1: 1.0}, b={1: 1.0}, c={1: 2.0}, a={1: 1.0})
    found = index.search_sparse("row", SparseVector.of({1: 1.0}), 2, allowed=lambda item_id: item_id != "a")
    assert found == [("c", 2.0), ("b", 1.0)]


def test_new_item_in_the_place_of_a_removed_one_inherits_nothing() -> None:
    index = ExactIndex(dense={"text": 2}, sparse=["row"])
    index.add("old")
    index.put_dense("old", "text", np.array([1.0, 0.0], dtype=np.float32))
    index.put_sparse("old", "row", SparseVector.of({1: 1.0}))
    index.remove("old")
    index.remove("old")
    index.add("new")
    assert (len(index), "old" in index, index.dense("new", "text"), index.sparse("new", "row")) == (
        1,
        False,
        None,
        None,
    )
    assert index.search_dense("text", np.array([1.0, 0.0], dtype=np.float32), 5) == []
    assert index.search_sparse("row", SparseVector.of({1: 1.0}), 5) == []


def test_matrix_grows_past_its_first_size() -> None:
    index = ExactIndex(dense={"text": 1}, sparse=[])
    for n in range(300):
        index.add(f"i{n:03}")
    index.put_dense("i299", "text", np.array([2.0], dtype=np.float32))
    index.put_dense("i000", "text", np.array([1.0], dtype=np.float32))
    assert index.search_dense("text", np.array([1.0], dtype=np.float32), 5) == [("i299", 2.0), ("i000", 1.0)]
