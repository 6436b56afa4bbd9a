"""CloudEvents 1.0 on Kafka: what the envelope says of a record, and the body inside.

Binary mode keeps the attributes in `ce_*` headers and the body is the value; structured mode has all of it
in one JSON object. Source: CloudEvents, Kafka protocol binding 1.0.2.
"""

from collections.abc import Sequence
from typing import Any

from workers.errors import BadRecordError
from workers.records.aliases import EVENT_TYPES, PERSON_TYPES, looked_up
from workers.records.codes import Reason
from workers.records.wire import parse_object

STRUCTURED = b"application/cloudevents+json"
PREFIX = "ce_"
MAX_TYPE_CHARS = 256

Headers = Sequence[tuple[str, bytes | None]]
Object = dict[str, Any]


def opened(value: bytes | None, headers: Headers = ()) -> tuple[Object, Object]:
    """The body, and our fields that the envelope names (`event_id`, `event_time`, `event_type`), if there is one.

    An envelope in structured mode is known by its content type or, where a producer sets none, by its
    `specversion` and `data`. Raises `BadRecordError`.
    """
    body = parse_object(value)
    if headers:
        attributes: Object = {
            name[len(PREFIX) :]: content.decode(errors="replace")
            for name, content in headers
            if content is not None and name.startswith(PREFIX)
        }
        if attributes:
            return body, _fields(attributes)
        if _is_structured(headers):
            return _data(body), _fields(body)
    if "specversion" in body and "data" in body:
        return _data(body), _fields(body)
    return body, {}


def event_type(ce_type: str) -> str | None:
    """The event type that a CloudEvents type names: all of it, or the last of its dotted parts that is one.

    >>> event_type("com.example.shop.add-to-cart.v1"), event_type("com.example.invoice")
    ('add_to_cart', None)
    """
    name = looked_up(ce_type[:MAX_TYPE_CHARS])
    for part in (name, *reversed(name.split("."))):
        if part in EVENT_TYPES or part in PERSON_TYPES:
            return part
    return None


def _is_structured(headers: Headers) -> bool:
    return any(
        content is not None and name.lower() == "content-type" and content.startswith(STRUCTURED)
        for name, content in headers
    )


def _data(envelope: Object) -> Object:
    data = envelope.get("data")
    if not isinstance(data, dict):
        raise BadRecordError(Reason.MISSING_FIELD, "the CloudEvents envelope has no data that is a JSON object")
    return data


def _fields(attributes: Object) -> Object:
    """Source and id together identify duplicates; a source has no blanks, so the pair stays unambiguous."""
    fields: Object = {}
    event_id, source, kind = attributes.get("id"), attributes.get("source"), attributes.get("type")
    if isinstance(event_id, str) and isinstance(source, str):
        fields["event_id"] = f"{source} {event_id}"
    if attributes.get("time") is not None:
        fields["event_time"] = attributes["time"]
    if isinstance(kind, str):
        # A type without a meaning is kept: a mapping file may know it, else the letter names it.
        fields["event_type"] = event_type(kind) or kind[:MAX_TYPE_CHARS]
    return fields
