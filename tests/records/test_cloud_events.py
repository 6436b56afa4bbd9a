"""CloudEvents in binary and structured mode."""

from typing import Any

import pytest

from tests.records.builders import NOW_MS, encoded
from workers.errors import BadRecordError
from workers.records.cloud_events import Headers
from workers.records.event import decode_event
from workers.records.headers import reply_to
from workers.records.interaction import Interaction, decode_interaction
from workers.records.item import Item, ItemDeleted
from workers.records.item_update import decode_item_event
from workers.records.mapping import Mapping
from workers.records.person import Erase
from workers.records.request import decode_request

STRUCTURED: Headers = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)


def binary(**changes: bytes | None) -> Headers:
    attributes = {"specversion": b"1.0", "id": b"7", "source": b"/shop", "type": b"com.example.view"}
    time = {"time": b"2024-05-01T12:00:00Z"}
    named = [(f"ce_{name}", content) for name, content in {**attributes, **time, **changes}.items()]
    return [*named, ("content-type", b"application/json"), ("trace", None)]


def structured(data: Any, **changes: Any) -> bytes:
    envelope = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "com.example.view"}
    return encoded({**envelope, "time": "2024-05-01T12:00:00Z", "data": data} | changes)


def decoded(value: bytes, headers: Headers = ()) -> Interaction:
    return decode_interaction(value, b"u1", NOW_MS + 1, headers=headers)


def test_in_binary_mode_the_headers_fill_what_the_data_leaves_open() -> None:
    event = decoded(encoded({"item_id": "a"}), binary())
    assert (event.event_type, event.event_id, event.event_time) == ("view", "/shop 7", NOW_MS)


def test_the_data_wins_over_its_envelope() -> None:
    body = {"item_id": "a", "event_type": "click", "eventId": "mine", "timestamp": NOW_MS - 5}
    event = decoded(encoded(body), binary())
    assert (event.event_type, event.event_id, event.event_time) == ("click", "mine", NOW_MS - 5)


def test_ids_of_two_sources_are_two_events() -> None:
    events = [decoded(encoded({"item_id": "a"}), binary(source=source)) for source in (b"/shop", b"/app")]
    assert events[0].event_id != events[1].event_id


def test_an_id_without_a_source_tells_nothing() -> None:
    assert decoded(encoded({"item_id": "a"}), binary(source=None)).event_id is None


@pytest.mark.parametrize("headers", [STRUCTURED, (), [("Content-Type", b"application/cloudevents+json")]])
def test_structured_mode_is_known_by_its_content_type_or_its_look(headers: Headers) -> None:
    event = decoded(structured({"item_id": "a"}), headers)
    assert (event.event_type, event.event_id, event.event_time) == ("view", "/shop 7", NOW_MS)


def test_another_systems_event_may_be_the_data() -> None:
    data = {"event_name": "view_item", "params": {}, "user_pseudo_id": "g", "items": [{"item_id": "a"}]}
    assert decoded(structured(data), STRUCTURED).subject == "g"


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_an_envelope_without_an_object_is_refused(data: Any) -> None:
    with pytest.raises(BadRecordError) as refused:
        decoded(structured(data), STRUCTURED)
    assert refused.value.code == "missing_field"


@pytest.mark.parametrize(
    ("ce_type", "ours"),
    [(b"view", "view"), (b"Product Added", "add_to_cart"), (b"com.example.add-to-cart.v2", "add_to_cart")],
)
def test_the_type_may_name_the_event(ce_type: bytes, ours: str) -> None:
    assert decoded(encoded({"item_id": "a"}), binary(type=ce_type)).event_type == ours


@pytest.mark.parametrize(
    ("ce_type", "code"),
    [
        (b"com.example.invoice", "unknown_event_type"),
        (b"x" * 9_000, "unknown_event_type"),
        (b"com.example.page_view.v2", "irrelevant_event"),
    ],
)
def test_a_type_that_names_no_event_is_named_in_the_refusal_or_ignored(ce_type: bytes, code: str) -> None:
    with pytest.raises(BadRecordError) as refused:
        decoded(encoded({"item_id": "a"}), binary(type=ce_type))
    assert refused.value.code == code
    assert ce_type[:60].decode() in str(refused.value) and len(str(refused.value)) < 300


def test_a_mapping_file_gives_a_type_its_meaning() -> None:
    mapping = Mapping(events={"com.example.opened": "view"})
    named = binary(type=b"com.example.opened")
    event = decode_interaction(encoded({"item_id": "a"}), b"u1", NOW_MS, headers=named, mapping=mapping)
    assert event.event_type == "view"


def test_the_type_may_name_a_record_about_a_person() -> None:
    erased = decode_event(b"{}", b"u1", NOW_MS, headers=binary(type=b"com.example.user.erase"))
    assert isinstance(erased, Erase)
    assert (erased.subject, erased.event_id) == ("u1", "/shop 7")


def test_items_come_in_both_modes_and_null_stays_a_deletion() -> None:
    for item in (
        decode_item_event(encoded({"title": "A"}), b"a", binary()),
        decode_item_event(structured({"title": "A"}), b"a"),
    ):
        assert isinstance(item, Item)
        assert (item.item_id, item.title) == ("a", "A")
    assert decode_item_event(None, b"a", binary()) == ItemDeleted("a")


def test_a_request_in_structured_mode_is_understood_with_its_address() -> None:
    value = structured({"kind": "trending", "reply_to": "mine", "correlation_id": "c"})
    assert decode_request(value, None, NOW_MS, STRUCTURED).kind == "trending"
    address = reply_to(STRUCTURED, value, "replies", lambda topic: topic == "mine")
    assert (address.topic, address.correlation_id) == ("mine", "c")


def test_headers_that_are_no_text_do_no_harm() -> None:
    event = decoded(encoded({"item_id": "a", "event_type": "view", "event_time": NOW_MS}), binary(id=b"\xff\xfe"))
    assert event.event_id == "/shop ��"
