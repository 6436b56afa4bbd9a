"""Whatever arrives is a record or a refusal with a known code, never anything else."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records.builders import NOW_MS
from workers.errors import BadRecordError
from workers.records.aliases import EVENT_TYPES, INTERACTION_FIELDS, ITEM_FIELDS, REQUEST_FIELDS
from workers.records.codes import Reason
from workers.records.interaction import decode_interaction
from workers.records.item import decode_item
from workers.records.request import KINDS, decode_request

Decode = Callable[[bytes | None, bytes | None], object]

DECODERS: dict[str, Decode] = {
    "interaction": lambda value, key: decode_interaction(value, key, NOW_MS),
    "item": decode_item,
    "request": lambda value, key: decode_request(value, key, NOW_MS),
}
FIELDS = sorted({*INTERACTION_FIELDS, *ITEM_FIELDS, *REQUEST_FIELDS})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.sampled_from([*EVENT_TYPES, *KINDS]),
)
CONTENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=5),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=10), CONTENTS, max_size=10)


def check(decode: Decode, value: bytes | None, key: bytes | None) -> None:
    try:
        decode(value, key)
    except BadRecordError as refused:
        assert refused.code in frozenset(Reason)
        assert len(str(refused)) < 1000


@pytest.mark.parametrize("kind", DECODERS)
@given(value=st.none() | st.binary(), key=st.none() | st.binary())
def test_any_bytes_are_a_record_or_refused(kind: str, value: bytes | None, key: bytes | None) -> None:
    check(DECODERS[kind], value, key)


@pytest.mark.parametrize("kind", DECODERS)
@given(body=OBJECTS, key=st.none() | st.binary(max_size=20))
def test_any_object_is_a_record_or_refused(kind: str, body: dict[str, Any], key: bytes | None) -> None:
    check(DECODERS[kind], orjson.dumps(body), key)


VALID = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(["view", "purchase", "rating"]),
        "user_id": st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128),
        "item_id": st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128),
        "value": st.floats(-1e6, 1e6),
        "event_time": st.integers(10**11, NOW_MS),
    }
)


@given(VALID)
def test_a_valid_interaction_comes_through_unchanged(fields: dict[str, Any]) -> None:
    event = decode_interaction(orjson.dumps(fields), None, NOW_MS)
    assert event.model_dump(include=set(fields)) == fields
