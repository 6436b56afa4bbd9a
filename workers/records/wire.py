"""From bytes to a validated record, and from any failure on the way to a `BadRecordError`."""

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.json_words import in_json_words, json_type

MAX_VALUE_BYTES = 1024 * 1024  # Kafka's own default bound of a record; larger needs configuration on purpose
MAX_DEPTH = 64
"""Lists and objects within each other, in any JSON that comes from outside: what walks through it may recurse.

Our own records reach 9, those of other systems 8. Python, `repr`, pydantic and `orjson.dumps` give up at 250 to 1000.
"""
FRAME_BYTES = 5  # of a schema registry: a zero byte and the schema's id, big-endian
MAX_SHOWN_CHARS = 64  # of a client's text in our messages, which end up in logs and headers

Record = TypeVar("Record", bound=BaseModel)

_CONTAINERS = (dict, list)
_SHALLOW_BYTES = 2 * MAX_DEPTH  # a level takes two brackets at least
_REASONS = frozenset(Reason)
_REASON_OF = {
    "missing": Reason.MISSING_FIELD,
    "extra_forbidden": Reason.UNKNOWN_FIELD,
    "string_too_long": Reason.TOO_LARGE,
    "too_long": Reason.TOO_LARGE,
    "string_too_short": Reason.OUT_OF_RANGE,
    "too_short": Reason.OUT_OF_RANGE,
    "greater_than": Reason.OUT_OF_RANGE,
    "greater_than_equal": Reason.OUT_OF_RANGE,
    "less_than": Reason.OUT_OF_RANGE,
    "less_than_equal": Reason.OUT_OF_RANGE,
    "finite_number": Reason.OUT_OF_RANGE,
}


def parse_object(value: bytes | None) -> dict[str, Any]:
    """The JSON object in `value`; what is no JSON, see `parse_json`, or no object is a `BadRecordError`.

    Where a schema registry's client framed JSON (5 bytes before it), the frame is taken off.
    """
    if not value:
        raise BadRecordError(Reason.EMPTY_VALUE, "the value is empty: send a JSON object")
    if len(value) > MAX_VALUE_BYTES:
        raise BadRecordError(Reason.TOO_LARGE, f"the value has {len(value)} bytes, at most {MAX_VALUE_BYTES}")
    body = parse_json(value)
    if not isinstance(body, dict):
        raise BadRecordError(Reason.WRONG_TYPE, f"the value is a JSON {json_type(body)}, not an object")
    return body


def parse_json(value: bytes) -> Any:
    """The JSON in `value`: the one place where JSON from outside is decoded.

    NaN, Infinity, invalid UTF-8 and nesting beyond `MAX_DEPTH` are no JSON: `BadRecordError`. Most values are too short
    to nest so deep, or have too few brackets; only the others are scanned, O(their parts).

    >>> parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) != []
    True
    """
    try:
        decoded = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        if (schema_id := framed_by(value)) is None:
            raise BadRecordError(Reason.INVALID_JSON, f"the value is not JSON: {error}") from None
        decoded = _unframed(value, schema_id)
    if len(value) > _SHALLOW_BYTES and value.count(b"[") + value.count(b"{") > MAX_DEPTH and _is_deeper(decoded):
        raise BadRecordError(Reason.INVALID_JSON, f"the value nests lists and objects deeper than {MAX_DEPTH} levels")
    return decoded


def framed_by(value: bytes) -> int | None:
    """The schema's id, if a schema registry's client framed this: a zero byte, which begins no JSON, and 4 of the id.

    Source: Confluent's wire format; the payload may be Avro, Protobuf or, after its JSON Schema client, JSON.

    >>> framed_by(bytes([0, 0, 0, 1, 2]) + b"{}"), framed_by(b"{}")
    (258, None)
    """
    if len(value) <= FRAME_BYTES or value[0] != 0:
        return None
    return int.from_bytes(value[1:FRAME_BYTES], "big")


def _unframed(value: bytes, schema_id: int) -> Any:
    try:
        return orjson.loads(memoryview(value)[FRAME_BYTES:])
    except orjson.JSONDecodeError:
        raise BadRecordError(
            Reason.NOT_PLAIN_JSON,
            f"the value is framed by a schema registry (schema id {schema_id}) and holds no JSON after the frame, so "
            "it is Avro or Protobuf: publish plain JSON, or use the registry's JSON Schema serializer",
        ) from None


def rename(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The fields we know under our names; null counts as absent, our own spelling beats any other.

    >>> rename({"userId": "a", "user_id": "b", "sessionId": None, "colour": 1}, {"user_id": "user_id",
    ...     "userId": "user_id", "sessionId": "session_id"})
    {'user_id': 'b'}
    """
    fields: dict[str, Any] = {}
    for spelling, content in body.items():
        name = names.get(spelling)
        if name is not None and content is not None and (name == spelling or name not in fields):
            fields[name] = content
    return fields


def nulls(body: Mapping[str, Any], names: Mapping[str, str]) -> frozenset[str]:
    """Our names of the fields that are null: a partial update takes them for cleared."""
    return frozenset(names[spelling] for spelling, content in body.items() if content is None and spelling in names)


def validated(model: type[Record], fields: dict[str, Any]) -> Record:
    """The record, or a `BadRecordError` that names the first offending field and the record's id."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _bad_record(model, fields, error) from None


def key_text(key: bytes | None) -> str | None:
    """A record's key as text; None where there is none or it is not UTF-8 (some clients use binary keys)."""
    try:
        return key.decode() if key else None
    except UnicodeDecodeError:
        return None


def _is_deeper(decoded: Any) -> bool:
    """Whether containers lie within each other beyond the bound; level by level, so nothing recurses here."""
    level = [decoded] if type(decoded) in _CONTAINERS else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            part
            for outer in level
            for part in (outer.values() if type(outer) is dict else outer)
            if type(part) in _CONTAINERS
        ]
    return bool(level)


def of_record(model: type[BaseModel], fields: Mapping[str, Any]) -> str:
    """Kind and id of a record, for a message about it."""
    return f"{model.__name__.lower()} {_shown_id(fields)}"


def _bad_record(model: type[BaseModel], fields: Mapping[str, Any], error: ValidationError) -> BadRecordError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:MAX_SHOWN_CHARS]
    where = of_record(model, fields) + (f", field {place}" if place else "")
    return BadRecordError(_reason(first["type"]), f"{where}: {in_json_words(first['msg'])}")


def _reason(error_type: str) -> Reason:
    return Reason(error_type) if error_type in _REASONS else _REASON_OF.get(error_type, Reason.WRONG_TYPE)


def _shown_id(fields: Mapping[str, Any]) -> str:
    for name in ("event_id", "item_id", "user_id", "anonymous_id", "name"):
        candidate = fields.get(name)
        if isinstance(candidate, str | int):
            return f"{name}={str(candidate)[:MAX_SHOWN_CHARS]!r}"
    return "without id"
