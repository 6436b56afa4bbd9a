"""Nesting has one bound, before anything walks through what a client sent."""

from collections.abc import Callable

import orjson
import pytest

from load.bench.hostile import DEPTHS, nested
from tests.records.test_any_bytes import DECODERS
from workers.admin.shown import whole
from workers.errors import BadRecordError
from workers.records.cloud_events import STRUCTURED
from workers.records.experiment import decode_experiment
from workers.records.rules import decode_rules
from workers.records.wire import MAX_DEPTH, parse_json, parse_object

LISTS = (b"[", b"]")
OBJECTS = (b'{"a":', b"}")
BOTH = (b'[{"a":', b"}]")

Decode = Callable[[bytes], object]
DEFINED: dict[str, Decode] = {
    "rules": lambda value: decode_rules(value, b"k"),
    "experiment": lambda value: decode_experiment(value, b"k"),
}
EVERYWHERE: dict[str, Decode] = {
    **DEFINED,
    **{name: lambda value, decode=decode: decode(value, b"k", ()) for name, decode in DECODERS.items()},  # type: ignore[misc]
    "an envelope": lambda value: DECODERS["event"](value, None, (("content-type", STRUCTURED),)),
    "a letter shown": whole,
}
PLACES = {
    "of no meaning": b'{"context":%b}',
    "variants": b'{"name":"k","variants":%b}',
    "filters": b'{"filters":{"attributes":{"a":%b}}}',
    "attributes": b'{"item_id":"k","attributes":{"a":%b}}',
    "event type": b'{"event_type":%b}',
    "items": b'{"event_type":"view","user_id":"u","items":%b}',
    "reply address": b'{"reply_to":%b}',
    "envelope": b'{"specversion":"1.0","type":%b,"data":{"event_type":"view"}}',
}


@pytest.mark.parametrize("brackets", [LISTS, OBJECTS, BOTH], ids=["lists", "objects", "both"])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 2, *DEPTHS])
def test_what_nests_deeper_than_the_bound_is_no_json(depth: int, brackets: tuple[bytes, bytes]) -> None:
    for value in (nested(depth, *brackets), b'{"context":' + nested(depth, *brackets) + b"}"):
        with pytest.raises(BadRecordError, match=r"JSON|64 levels") as refused:
            parse_json(value)
        assert refused.value.code == "invalid_json"


def test_the_bound_itself_and_any_number_of_brackets_beside_each_other_are_taken() -> None:
    deepest = nested(MAX_DEPTH - 1)
    assert parse_object(b'{"a":' + deepest + b"}")
    with pytest.raises(BadRecordError, match="deeper than 64 levels"):
        parse_object(b'{"a":' + nested(MAX_DEPTH) + b"}")
    wide = {"tags": [[n] for n in range(1_000)], "text": "[" * 1_000 + "{" * 1_000}
    assert parse_object(orjson.dumps(wide)) == wide


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", EVERYWHERE)
def test_no_depth_in_any_place_is_more_than_a_refusal(kind: str, place: str) -> None:
    for depth in DEPTHS:
        for brackets in (LISTS, OBJECTS):
            value = PLACES[place] % nested(depth, *brackets)
            try:
                EVERYWHERE[kind](value)
            except BadRecordError as refused:
                assert refused.code == "invalid_json"


def test_nesting_within_a_text_that_is_json_has_the_same_bound() -> None:
    for depth in DEPTHS:
        body = {"itemId": "k", "properties": nested(depth, *OBJECTS).decode()}
        assert DECODERS["item"](orjson.dumps(body), None, ())


def test_a_letter_that_is_nested_too_deep_is_shown_as_it_is() -> None:
    for depth in DEPTHS:
        assert whole(nested(depth)) == nested(depth).decode()
