"""Messages to clients speak of JSON: no names of Python's types in any of them."""

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from workers.errors import BadRecordError
from workers.records.event import decode_event
from workers.records.experiment import decode_experiment
from workers.records.item_update import decode_item_event
from workers.records.request import decode_request
from workers.records.rules import decode_rules
from workers.records.wire import parse_object

PYTHON = re.compile(r"\b(dict(ionary)?|valid list|tuple|frozenset|str|int|NoneType|None|Value error)\b", re.IGNORECASE)
WRONG: tuple[Any, ...] = (None, [], {}, "a", 5, [[1]], [None], {"a": [1]}, True)

VIEW = {"event_type": "view", "user_id": "u", "item_id": "i"}
ITEM = {"item_id": "i", "title": "t"}
VARIANTS = {"a": {"weight": 1}, "b": {"weight": 1, "diversity": 0.5}}
EXPERIMENT = {"name": "e", "variants": VARIANTS}


@pytest.mark.parametrize(
    ("value", "name"),
    [(b"null", "null"), (b"[]", "array"), (b'"a"', "string"), (b"1.5", "number"), (b"true", "boolean")],
)
def test_a_value_that_is_no_object_is_named_as_json_does(value: bytes, name: str) -> None:
    with pytest.raises(BadRecordError, match=f"the value is a JSON {name}, not an object"):
        parse_object(value)


@pytest.mark.parametrize(
    ("decode", "body", "fields"),
    [
        (lambda body: decode_request(body, None, 0), {"user_id": "u"}, "kind item_ids filters rules limit min_offset"),
        (lambda body: decode_event(body, b"u", 0), VIEW, "user_id item_id value quantity event_time context"),
        (lambda body: decode_item_event(body, b"i"), ITEM, "title categories category tags attributes vector price"),
        (lambda body: decode_rules(body, b"default"), {}, "pins caps boosts filters diversity hide note"),
        (lambda body: decode_experiment(body, b"e"), EXPERIMENT, "name variants kinds scenarios salt"),
    ],
    ids=["request", "event", "item", "rules", "experiment"],
)
def test_what_is_wrong_with_a_field_is_said_in_json_words(
    decode: Callable[[bytes], object], body: dict[str, Any], fields: str
) -> None:
    refused = 0
    for field in fields.split():
        for wrong in WRONG:
            try:
                decode(orjson.dumps({**body, field: wrong}))
            except BadRecordError as error:
                refused += 1
                assert not PYTHON.search(str(error)), str(error)
    assert refused > 5
