"""Any sequence of changes to a table of pairs ends as in its plain twin, however it was chunked, packed and loaded."""

from dataclasses import dataclass

import numpy as np
import pytest

from models.primitives.packing import Reader, head
from models.state.pair_table import PairTable
from tests.models.pair_twin import Counts, Twin, counts_of, listed, row_of

ROWS, KEYS = 320, 40
TIES = np.random.default_rng(5).permutation(ROWS).tolist()


@dataclass(frozen=True)
class Change:
    """One change: `kind` learn, take_back, put, drop or cut, with what it needs."""

    kind: str
    row: int
    keys: tuple[int, ...] = ()
    liked: bool = False
    bound: int = 0
    counts: Counts | None = None


def random_changes(count: int, seed: int) -> list[Change]:
    """Mostly events, of bounds that differ; what is taken back was often learned before, or is not known at all."""
    rng = np.random.default_rng(seed)
    changes: list[Change] = []
    for _ in range(count):
        kind = rng.choice(["learn", "take_back", "put", "drop", "cut"], p=[0.7, 0.2, 0.04, 0.03, 0.03])
        row, bound = int(rng.integers(ROWS)), int(rng.choice([0, 0, 4, 9]))
        keys = tuple(rng.choice(KEYS, size=rng.integers(0, 15), replace=False).tolist())
        if kind == "take_back" and changes and rng.random() < 0.7:
            earlier = changes[rng.integers(len(changes))]
            row, keys = earlier.row, earlier.keys
        counts = {key: (int(rng.integers(3)) * 252, int(rng.integers(3))) for key in keys}
        changes.append(Change(str(kind), row, keys, bool(rng.integers(2)), bound, counts))
    return changes


def apply_all(changes: list[Change], chunk: int, reload_share: float = 0.0) -> PairTable:
    """Events that follow each other are learned in chunks; `reload_share` of changes is preceded by pack and load."""
    table, rng = named_table(), np.random.default_rng(3)
    waiting: list[Change] = []
    for change in changes:
        if len(waiting) == chunk or change.kind != "learn":
            learn_all(table, waiting)
            waiting = []
        if rng.random() < reload_share:
            learn_all(table, waiting)
            waiting = []
            reload(table, change.row)
        if change.kind == "learn":
            waiting.append(change)
        else:
            apply_one(table, change)
    learn_all(table, waiting)
    table.relist()
    return table


def named_table() -> PairTable:
    table = PairTable()
    for row, index in enumerate(TIES):
        table.name(row, index)
    return table


def learn_all(table: PairTable, events: list[Change]) -> None:
    table.learn(
        [event.row for event in events],
        [np.array(event.keys, dtype=np.uint32) for event in events],
        [event.liked for event in events],
        [event.bound for event in events],
    )


def reload(table: PairTable, row: int) -> None:
    table.load(row, Reader(head(b"X", 1) + table.pack(row), b"X", 1))


def apply_one(table: PairTable, change: Change) -> None:
    if change.kind == "take_back":
        table.take_back(change.row, np.array(change.keys, dtype=np.uint32), change.liked)
    elif change.kind == "put":
        table.put(change.row, row_of(change.counts or {}))
    elif change.kind == "drop":
        table.drop(change.row)
    else:
        table.cut(change.row, max(1, change.bound))


def twin_of(changes: list[Change]) -> Twin:
    twin = Twin()
    for change in changes:
        if change.kind == "learn":
            twin.learn(change.row, change.keys, change.liked, change.bound)
        elif change.kind == "take_back":
            twin.take_back(change.row, change.keys, change.liked)
        elif change.kind == "put":
            twin.put(change.row, change.counts or {})
        elif change.kind == "drop":
            twin.drop(change.row)
        else:
            twin.cut(change.row, max(1, change.bound))
    return twin


def assert_equal(table: PairTable, twin: Twin) -> None:
    for row in range(ROWS):
        assert counts_of(table.row(row)) == twin.row(row), row
    for key in range(KEYS):
        assert listed(table, key) == twin.list_of(key, TIES), key
    assert (table.pairs, table.cuts) == (twin.pairs, twin.cuts)
    assert table.pairs_of(range(ROWS)) == twin.pairs


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("chunk", [1, 7, 1_000])
def test_any_changes_in_any_chunks_end_as_in_the_twin(seed: int, chunk: int) -> None:
    changes = random_changes(5_000, seed)
    twin = twin_of(changes)
    assert twin.cuts.rows > 100
    assert_equal(apply_all(changes, chunk), twin)


@pytest.mark.parametrize("seed", range(4))
def test_rows_that_are_packed_and_loaded_in_between_end_the_same(seed: int) -> None:
    changes = random_changes(5_000, seed + 100)
    assert_equal(apply_all(changes, 64, reload_share=0.2), twin_of(changes))


def test_lists_that_are_full_end_as_in_the_twin() -> None:
    changes = [change for change in random_changes(20_000, 9) if change.kind in ("learn", "take_back", "cut")]
    twin = twin_of([change for change in changes if not change.bound])
    table = apply_all([change for change in changes if not change.bound], 64)
    assert max(len(listed(table, key)) for key in range(KEYS)) == 200
    assert_equal(table, twin)
