"""A row's vectors: each record once, each slot one version, bytes that come back as they went."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collaborative.builders import vector
from workers.collaborative.slots import SLOTS, Slots, Told, key_of, told_of, value_of
from workers.errors import BadRecordError
from workers.rows import ItemRow

TOLD = st.tuples(st.sampled_from(SLOTS), st.integers(0, 5), st.integers(0, 3) | st.none())
LOGS = st.lists(TOLD, max_size=12)


def records(log: list[tuple[str, int, int | None]]) -> list[Told]:
    return [Told("i", slot, version, None if place is None else vector(place, 4)) for slot, version, place in log]


@given(LOGS, st.data())
def test_a_replay_from_any_place_changes_nothing(log: list[tuple[str, int, int | None]], data: st.DataObject) -> None:
    row = ItemRow()
    for offset, told in enumerate(records(log)):
        row.slots.take(told, offset)
    packed = row.pack()
    start = data.draw(st.integers(0, len(log)))
    for offset, told in list(enumerate(records(log)))[start:]:
        assert not row.slots.take(told, offset)
    assert row.pack() == packed


@given(LOGS, st.data())
def test_a_kill_between_any_two_records_ends_at_the_same_row(
    log: list[tuple[str, int, int | None]], data: st.DataObject
) -> None:
    straight, killed = ItemRow(), ItemRow()
    for offset, told in enumerate(records(log)):
        straight.slots.take(told, offset)
    written, committed = sorted(data.draw(st.tuples(*[st.integers(0, len(log))] * 2)), reverse=True)
    for offset, told in list(enumerate(records(log)))[:written]:
        killed.slots.take(told, offset)
    killed = ItemRow.unpack(killed.pack())
    for offset, told in list(enumerate(records(log)))[committed:]:
        killed.slots.take(told, offset)
    assert killed.pack() == straight.pack()


def test_an_item_without_a_vector_empties_its_slot_and_leaves_the_other() -> None:
    slots = Slots()
    for offset, told in enumerate(records([("a", 1, 0), ("b", 2, 1), ("a", 3, None)])):
        slots.take(told, offset)
    assert slots.version("a") is None and slots.version("b") == 2
    assert list(slots.vectors()) == ["b"]


@pytest.mark.parametrize("item_id", ["b", "a/b", "ключ", "a" * 500])
def test_a_record_says_what_was_put_into_it(item_id: str) -> None:
    told = told_of(key_of(item_id, "b"), value_of(7, vector(2, 4)), 4)
    assert (told.item_id, told.slot, told.version) == (item_id, "b", 7)
    assert told.vector is not None and told.vector.tolist() == [0, 0, 1, 0]
    assert told_of(key_of(item_id, "b"), value_of(7, None), 4).vector is None


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
        told_of(key, value, 4)
    assert refused.value.code == code
