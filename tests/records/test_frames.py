"""Values that a schema registry's client framed: JSON inside is taken, anything else is named."""

import pytest

from tests.records.builders import NOW_MS, interaction, item, request
from workers.errors import BadRecordError
from workers.records.event import decode_event
from workers.records.item import Item
from workers.records.item_update import decode_item_event
from workers.records.request import decode_request
from workers.records.wire import parse_object

FRAME = b"\x00" + (70_001).to_bytes(4, "big")


def test_framed_json_is_understood_on_every_topic() -> None:
    assert decode_event(FRAME + interaction(), None, NOW_MS).user_id == "u1"
    assert isinstance(decode_item_event(FRAME + item(), None), Item)
    assert decode_request(FRAME + request(), None, NOW_MS).user_id == "u1"


@pytest.mark.parametrize("payload", [b"\x02\x0eu1\x06abc", b"\x00\n\x02u1", b"{torn", b" ", b"\xff" * 40])
def test_other_framed_bytes_are_named_with_their_schema_and_what_to_do(payload: bytes) -> None:
    with pytest.raises(BadRecordError, match=r"schema id 70001.*publish plain JSON") as refused:
        parse_object(FRAME + payload)
    assert refused.value.code == "not_plain_json"


@pytest.mark.parametrize("value", [b"\x00", b"\x00{}", FRAME, b"\x01" + FRAME[1:] + b"{}", b"\x00\x00 {}"])
def test_what_is_no_frame_is_no_json(value: bytes) -> None:
    with pytest.raises(BadRecordError) as refused:
        parse_object(value)
    assert refused.value.code == "invalid_json"


def test_a_frame_around_something_else_than_an_object_is_refused() -> None:
    with pytest.raises(BadRecordError) as refused:
        parse_object(FRAME + b"[1]")
    assert refused.value.code == "wrong_type"
