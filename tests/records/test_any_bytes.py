"""Whatever arrives is a record or a refusal with a known code, never anything else."""

import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.bench.record_samples import FOREIGN, ITEMS, OWN, REQUESTS
from load.bench.records import HOSTILE_BYTES, hostile_values
from tests.records.builders import NOW_MS
from workers.admin.schema.contents import MIN_VALUES
from workers.admin.schema.detect import detect
from workers.admin.schema.found import Sampled
from workers.admin.schema.report import shortfall
from workers.errors import BadRecordError
from workers.records.aliases import EVENT_TYPES, INTERACTION_FIELDS, ITEM_FIELDS, PERSON_TYPES, REQUEST_FIELDS
from workers.records.cloud_events import Headers
from workers.records.codes import Reason
from workers.records.event import decode_event
from workers.records.headers import reply_to
from workers.records.ignored import ignored_events
from workers.records.interaction import decode_interaction
from workers.records.item_update import decode_item_event
from workers.records.mapping import Mapping as OwnNames
from workers.records.request import KINDS, decode_request
from workers.records.scale import rating_scale

Decode = Callable[[bytes | None, bytes | None, Headers], object]

PATHS = {"a.b": "user_id", "items[].sku": "items", "data.x": "event_type"}
MAPPING = OwnNames(PATHS, {"x": "view"}, rating_scale("thumbs"), ignored_events(["x*y*"]))
FRAME = bytes([0, 0, 0, 0, 7])
DECODERS: dict[str, Decode] = {
    "interaction": lambda value, key, headers: decode_interaction(value, key, NOW_MS, headers=headers),
    "event": lambda value, key, headers: decode_event(value, key, NOW_MS, headers=headers),
    "mapped event": lambda value, key, headers: decode_event(value, key, NOW_MS, headers=headers, mapping=MAPPING),
    "item": decode_item_event,
    "partial item": lambda value, key, headers: decode_item_event(
        value, key, (*headers, ("tastestream-update", b"partial"))
    ),
    "request": lambda value, key, headers: decode_request(value, key, NOW_MS, headers),
    "address": lambda value, _, headers: reply_to(headers, value, "replies", lambda topic: topic != "no"),
    "schema of events": lambda value, key, headers: detect([Sampled(value, key, headers)], "interaction"),
    "schema of several": lambda value, key, headers: shortfall(
        detect([Sampled(value, key, headers)] * MIN_VALUES, "interaction")
    ),
    "framed event": lambda value, key, headers: decode_event(FRAME + (value or b""), key, NOW_MS, headers=headers),
    "schema of items": lambda value, key, headers: detect([Sampled(value, key, headers)], "item"),
}
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["ce_id", "ce_source", "ce_type", "ce_time", "content-type", "tastestream-update"]),
        st.none()
        | st.binary(max_size=20)
        | st.sampled_from([b"application/cloudevents+json", b"com.shop.view", b"partial", b"2024-05-01T12:00:00Z"]),
    ),
    max_size=5,
)
FIELDS = sorted({*INTERACTION_FIELDS, *ITEM_FIELDS, *REQUEST_FIELDS})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.sampled_from([*EVENT_TYPES, *PERSON_TYPES, *KINDS, "partial", "track", "ranking"]),
)
CONTENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=5),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=10), CONTENTS, max_size=10)


SAMPLES: list[Mapping[str, Any]] = [*OWN.values(), *FOREIGN.values(), *ITEMS.values(), *REQUESTS.values()]


def check(decode: Decode, value: bytes | None, key: bytes | None, headers: Headers = ()) -> None:
    try:
        decode(value, key, headers)
    except BadRecordError as refused:
        assert refused.code in frozenset(Reason)
        assert len(str(refused)) < 1000


@pytest.mark.parametrize("kind", DECODERS)
@given(value=st.none() | st.binary(), key=st.none() | st.binary(), headers=HEADERS)
def test_any_bytes_are_a_record_or_refused(kind: str, value: bytes | None, key: bytes | None, headers: Headers) -> None:
    check(DECODERS[kind], value, key, headers)


@pytest.mark.parametrize("kind", DECODERS)
@given(body=OBJECTS, key=st.none() | st.binary(max_size=20), headers=HEADERS)
def test_any_object_is_a_record_or_refused(
    kind: str, body: dict[str, Any], key: bytes | None, headers: Headers
) -> None:
    check(DECODERS[kind], orjson.dumps(body), key, headers)


@pytest.mark.parametrize("kind", DECODERS)
@given(data=st.data())
def test_a_known_shape_with_anything_in_one_place_is_a_record_or_refused(kind: str, data: st.DataObject) -> None:
    body = orjson.loads(orjson.dumps(data.draw(st.sampled_from(SAMPLES))))
    place: Any = body
    while True:
        name = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.just(0))
        inner = place[name]
        if not inner or not isinstance(inner, dict | list) or data.draw(st.booleans()):
            break
        place = inner
    place[name] = data.draw(CONTENTS)
    check(DECODERS[kind], orjson.dumps(body), None)


@pytest.mark.parametrize("hostile", hostile_values(10))
def test_a_hostile_megabyte_is_a_record_or_refused(hostile: str) -> None:
    value = hostile_values(HOSTILE_BYTES)[hostile]
    for decode in DECODERS.values():
        check(decode, value, None)


@pytest.mark.parametrize("hostile", hostile_values(10))
def test_a_hostile_value_needs_memory_in_proportion_to_its_size(hostile: str) -> None:
    value = hostile_values(100_000)[hostile]
    for name, decode in DECODERS.items():
        records = MIN_VALUES if name == "schema of several" else 1
        tracemalloc.start()
        check(decode, value, None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 64 * len(value) * records


VALID = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(["view", "purchase", "rating"]),
        "user_id": st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128),
        "item_id": st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128),
        "value": st.floats(0.5, 5),
        "event_time": st.integers(10**11, NOW_MS),
    }
)


@given(VALID)
def test_a_valid_interaction_comes_through_unchanged(fields: dict[str, Any]) -> None:
    event = decode_interaction(orjson.dumps(fields), None, NOW_MS)
    assert event.model_dump(include=set(fields)) == fields
