"""A row's vectors: each record once, each slot one version, bytes that come back as they went."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collaborative.builders import vector
from workers.errors import BadRecordError
from workers.items.rows import ItemRow
from workers.items.slots import SLOTS, Slots, VectorRecord, key_of, value_of, vector_record

RECORD = st.tuples(st.sampled_from(SLOTS), st.integers(0, 3) | st.none())
LOGS = st.lists(RECORD, max_size=12)


def records(log: list[tuple[str, int | None]]) -> list[VectorRecord]:
    """What versions 1, 2, … say of an item: the slot of each, and where its vector is 1."""
    vectors = (None if position is None else vector(position, 4) for _, position in log)
    return [VectorRecord("i", log[n][0], n + 1, found) for n, found in enumerate(vectors)]


@given(LOGS, st.data())
def test_a_replay_from_any_place_changes_nothing(log: list[tuple[str, int | None]], data: st.DataObject) -> None:
    row = ItemRow()
    for record in records(log):
        row.slots.take(record)
    packed = row.pack()
    start = data.draw(st.integers(0, len(log)))
    for record in records(log)[start:]:
        assert not row.slots.take(record)
    assert row.pack() == packed


@given(LOGS, st.data())
def test_a_kill_between_any_two_records_ends_at_the_same_row(
    log: list[tuple[str, int | None]], data: st.DataObject
) -> None:
    straight, killed = ItemRow(), ItemRow()
    for record in records(log):
        straight.slots.take(record)
    written, committed = sorted(data.draw(st.tuples(*[st.integers(0, len(log))] * 2)), reverse=True)
    for record in records(log)[:written]:
        killed.slots.take(record)
    killed = ItemRow.unpack(killed.pack())
    for record in records(log)[committed:]:
        killed.slots.take(record)
    assert killed.pack() == straight.pack()


def test_an_item_without_a_vector_empties_its_slot_and_leaves_the_other() -> None:
    slots = Slots()
    for record in records([("a", 0), ("b", 1), ("a", None)]):
        slots.take(record)
    assert slots.version("a") is None and slots.version("b") == 2
    assert list(slots.vectors()) == ["b"]


@pytest.mark.parametrize("item_id", ["b", "a/b", "ключ", "a" * 500])
def test_a_record_says_what_was_put_into_it(item_id: str) -> None:
    record = vector_record(key_of(item_id, "b"), value_of(7, vector(2, 4)), 4)
    assert (record.item_id, record.slot, record.version) == (item_id, "b", 7)
    assert record.vector is not None and record.vector.tolist() == [0, 0, 1, 0]
    assert vector_record(key_of(item_id, "b"), value_of(7, None), 4).vector is None


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (None, value_of(1, None), "invalid_id"),
        (b"c/item", value_of(1, None), "invalid_id"),
        (b"a/", value_of(1, None), "invalid_id"),
        (b"a/i", None, "bad_vector"),
        (b"a/i", b"V\x01torn", "bad_vector"),
        (b"a/i", value_of(1, vector(0, 3)), "bad_vector"),
        (b"a/i", value_of(1, np.full(4, np.nan, dtype=np.float32)), "bad_vector"),
        (b"a/i", value_of(1, vector(0, 4)) + b"x", "bad_vector"),
        (b"a/i", value_of(1, vector(0, 4) * np.float32(1e30)), "bad_vector"),
        (b"a/" + b"i" * 600, value_of(1, None), "bad_id"),
    ],
)
def test_records_that_are_not_ours_are_refused(key: bytes | None, value: bytes | None, code: str) -> None:
    with pytest.raises(BadRecordError) as refused:
        vector_record(key, value, 4)
    assert refused.value.code == code
