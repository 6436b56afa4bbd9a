"""From bytes to a validated record, and from any failure on the way to a `BadRecordError`."""

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.json_words import in_json_words, json_type

MAX_VALUE_BYTES = 1024 * 1024  # Kafka's own default bound of a record; larger needs configuration on purpose
MAX_SHOWN_CHARS = 64  # of a client's text in our messages, which end up in logs and headers

Record = TypeVar("Record", bound=BaseModel)

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
    """The JSON object in `value`; NaN, Infinity, invalid UTF-8 and nesting beyond 1024 are invalid JSON."""
    if not value:
        raise BadRecordError(Reason.EMPTY_VALUE, "the value is empty: send a JSON object")
    if len(value) > MAX_VALUE_BYTES:
        raise BadRecordError(Reason.TOO_LARGE, f"the value has {len(value)} bytes, at most {MAX_VALUE_BYTES}")
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise BadRecordError(Reason.INVALID_JSON, f"the value is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadRecordError(Reason.WRONG_TYPE, f"the value is a JSON {json_type(body)}, not an object")
    return body


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


def _bad_record(model: type[BaseModel], fields: Mapping[str, Any], error: ValidationError) -> BadRecordError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:MAX_SHOWN_CHARS]
    where = f"{model.__name__.lower()} {_shown_id(fields)}" + (f", field {place}" if place else "")
    return BadRecordError(_reason(first["type"]), f"{where}: {in_json_words(first['msg'])}")


def _reason(error_type: str) -> Reason:
    return Reason(error_type) if error_type in _REASONS else _REASON_OF.get(error_type, Reason.WRONG_TYPE)


def _shown_id(fields: Mapping[str, Any]) -> str:
    for name in ("event_id", "item_id", "user_id", "anonymous_id", "name"):
        candidate = fields.get(name)
        if isinstance(candidate, str | int):
            return f"{name}={str(candidate)[:MAX_SHOWN_CHARS]!r}"
    return "without id"
