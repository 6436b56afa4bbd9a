"""Partial updates of items."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records.builders import encoded, item
from workers.errors import BadRecordError
from workers.records.cloud_events import Headers
from workers.records.item import Item, ItemDeleted
from workers.records.item_update import ItemUpdate, decode_item_event

PARTIAL: Headers = (("tastestream-update", b"partial"),)
ENTRY = {"item_id": "i1", "title": "Heat", "price": 8.0, "tags": ["a"], "attributes": {"colour": "red", "size": 4}}


def update(headers: Headers = PARTIAL, **fields: Any) -> ItemUpdate:
    found = decode_item_event(encoded({"item_id": "i1", **fields}), None, headers)
    assert isinstance(found, ItemUpdate)
    return found


def refusal(value: bytes, headers: Headers = ()) -> str:
    with pytest.raises(BadRecordError) as refused:
        decode_item_event(value, None, headers)
    return refused.value.code


def test_what_is_not_said_to_be_partial_is_the_whole_item() -> None:
    assert isinstance(decode_item_event(item(), None), Item)
    assert isinstance(decode_item_event(item(update="whole"), None), Item)
    assert decode_item_event(None, b"i1", PARTIAL) == ItemDeleted("i1")


def test_header_and_field_say_partial() -> None:
    assert update(price=5) == update((), update="partial", price=5) == ItemUpdate("i1", {"price": 5.0})


def test_the_header_wins_over_the_field() -> None:
    assert isinstance(decode_item_event(item(update="partial"), None, [("tastestream-update", b"whole")]), Item)


def test_any_other_word_is_refused() -> None:
    assert refusal(item(update="patch")) == "out_of_range"
    assert refusal(item(update=["partial"])) == "out_of_range"
    assert refusal(item(), [("tastestream-update", b"\xff")]) == "out_of_range"


def test_fields_named_change_and_others_stay() -> None:
    assert update(price="9.5", available=False).applied_to(ENTRY) == {**ENTRY, "price": 9.5, "available": False}


def test_null_clears_a_field_and_an_attribute() -> None:
    changed = update(tags=None, attributes={"colour": None, "weight": 2}).applied_to(ENTRY)
    assert changed == {
        "item_id": "i1",
        "title": "Heat",
        "price": 8.0,
        "attributes": {"size": 4, "weight": 2},
    }


def test_null_attributes_clear_them_all() -> None:
    assert update(attributes=None).applied_to(ENTRY)["attributes"] == {}


def test_an_id_cannot_be_cleared() -> None:
    found = decode_item_event(b'{"item_id": null, "price": 1}', b"i1", PARTIAL)
    assert isinstance(found, ItemUpdate)
    assert (found.item_id, found.cleared) == ("i1", frozenset())


def test_an_unknown_item_gets_what_the_change_says() -> None:
    assert update(title="New").applied_to({}) == {"item_id": "i1", "title": "New", "attributes": {}}


def test_attributes_stay_bounded_over_many_changes() -> None:
    entry: dict[str, Any] = {}
    for start in (0, 128):
        entry = update(attributes={str(n): n for n in range(start, start + 128)}).applied_to(entry)
    with pytest.raises(BadRecordError) as refused:
        update(attributes={"one more": 1}).applied_to(entry)
    assert refused.value.code == "too_large"


def test_a_change_is_checked_like_an_item() -> None:
    assert refusal(encoded({"item_id": "i1", "price": -1}), PARTIAL) == "out_of_range"
    assert refusal(encoded({"price": 1}), PARTIAL) == "missing_field"


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "title": st.none() | st.text(max_size=5),
        "price": st.none() | st.floats(0, 100),
        "tags": st.none() | st.lists(st.sampled_from("abc")),
        "attributes": st.none() | st.dictionaries(st.sampled_from("xyz"), st.none() | st.integers(0, 9)),
    },
)


@given(CHANGES, CHANGES)
def test_a_change_that_comes_twice_changes_nothing_more(before: dict[str, Any], change: dict[str, Any]) -> None:
    found = decode_item_event(orjson.dumps({"item_id": "i1", **change}), None, PARTIAL)
    assert isinstance(found, ItemUpdate)
    once = found.applied_to({"item_id": "i1", **before, "attributes": before.get("attributes") or {}})
    assert found.applied_to(once) == once
