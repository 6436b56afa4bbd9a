"""Field types shared by the records, each with its bound."""

import re
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, FailFast, Field
from pydantic_core import PydanticCustomError

from workers.records.codes import Reason
from workers.records.times import event_time_ms, publication_time_ms

MAX_ID_BYTES = 512  # an id is a Kafka key, a table key and part of every row that mentions it
MAX_TEXT_BYTES = 64 * 1024
MAX_LABEL_CHARS = 256  # tags, categories, names of attributes
MAX_URL_CHARS = 2048
MAX_TAGS = 256
MAX_TAG_PARTS = 4096  # as sent: work is bounded before blanks and repeats are taken out
MAX_ATTRIBUTES = 256
MAX_AMOUNT = 1e12

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class WireModel(BaseModel):
    """A record or a part of one: it never changes, and errors don't repeat what a client sent."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


Timed = TypeVar("Timed", bound=WireModel)


def moved_from_future(event: Timed, event_time: int, record_time_ms: int, tolerance_ms: int) -> Timed:
    """The event, at its record's time if it says that it happened later than that plus the tolerance.

    Never at now: a replay must compute the same.
    """
    if event_time <= record_time_ms + tolerance_ms:
        return event
    return event.model_copy(update={"event_time": record_time_ms, "time_clamped": True})


def identifier(value: object) -> str:
    """The id as text: 1 to 512 bytes of UTF-8 without control characters; integers become their digits."""
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise PydanticCustomError(Reason.WRONG_TYPE, "an id must be text or an integer")
    if len(value) > MAX_ID_BYTES:  # before anything that reads each of a million characters
        raise PydanticCustomError(Reason.TOO_LARGE, "an id must have at most 512 bytes of UTF-8")
    if value.isascii() and value.isprintable() and value:
        return value
    if not value or _CONTROL.search(value):
        raise PydanticCustomError(Reason.INVALID_ID, "an id must have characters and no control characters")
    if len(value.encode()) > MAX_ID_BYTES:
        raise PydanticCustomError(Reason.TOO_LARGE, "an id must have at most 512 bytes of UTF-8")
    return value


def number(value: object) -> object:
    """The value, unless it is a truth value."""
    if isinstance(value, bool):  # pydantic would read true as 1.0
        raise PydanticCustomError(Reason.WRONG_TYPE, "must be a number, not true or false")
    return value


def _text(value: object) -> object:
    return str(value) if type(value) is int else value  # films and songs named 1917


def _short_enough(value: str) -> str:
    if len(value) > MAX_TEXT_BYTES or (not value.isascii() and len(value.encode()) > MAX_TEXT_BYTES):
        raise PydanticCustomError(Reason.TOO_LARGE, "must have at most 64 KiB of UTF-8")
    return value


def _web_address(value: str) -> str:
    """Pages put addresses into links, where another scheme than http(s) could run a script."""
    address = value.strip()
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        scheme = "unreadable"
    if scheme not in ("", "http", "https") or _CONTROL.search(address):
        raise PydanticCustomError(Reason.INVALID_URL, "must be an http or https address, or a path")
    return address


def split_tags(value: object) -> object:
    """A list, or one text with `|` between the tags; blanks and repeats go."""
    parts = value.split("|", MAX_TAG_PARTS) if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts[:MAX_TAG_PARTS]):
        raise PydanticCustomError(Reason.WRONG_TYPE, "tags must be a list of texts, or one text with | between")
    if len(parts) > MAX_TAG_PARTS:
        raise PydanticCustomError(Reason.TOO_LARGE, "must have at most 4096 tags, blanks and repeats included")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _bounded_attributes(value: object) -> object:
    if isinstance(value, dict):
        if len(value) > MAX_ATTRIBUTES:
            raise PydanticCustomError(Reason.TOO_LARGE, "must have at most 256 attributes")
        return {name: content for name, content in value.items() if content is not None}
    return value


def plain_json(value: Any) -> Any:
    """Text, number, true/false or a flat list of them: nesting ends here, whatever the client sends."""
    parts = value if isinstance(value, list) else [value]
    if len(parts) > MAX_ATTRIBUTES:
        raise PydanticCustomError(Reason.TOO_LARGE, "an attribute must have at most 256 values")
    for part in parts:
        if not isinstance(part, str | int | float):
            raise PydanticCustomError(Reason.WRONG_TYPE, "must be text, a number, true/false or a list of these")
        if isinstance(part, str):
            _short_enough(part)
    return tuple(parts) if isinstance(value, list) else value


def listed(value: object) -> object:
    """One id or label may stand for a list of one."""
    return (value,) if isinstance(value, str | int) else value


Scalar = str | int | float | bool
Id = Annotated[str, BeforeValidator(identifier)]
Label = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=MAX_LABEL_CHARS)]
Text = Annotated[str, BeforeValidator(_text), AfterValidator(_short_enough)]
WebAddress = Annotated[str, Field(max_length=MAX_URL_CHARS), AfterValidator(_web_address)]
Tags = Annotated[tuple[Label, ...], FailFast(), Field(max_length=MAX_TAGS), BeforeValidator(split_tags)]
Attributes = Annotated[dict[Label, Annotated[Any, BeforeValidator(plain_json)]], BeforeValidator(_bounded_attributes)]
Amount = Annotated[float, BeforeValidator(number), Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT, allow_inf_nan=False)]
Price = Annotated[float, BeforeValidator(number), Field(ge=0, le=MAX_AMOUNT, allow_inf_nan=False)]
EventTime = Annotated[int, BeforeValidator(event_time_ms)]
PublicationTime = Annotated[int, BeforeValidator(publication_time_ms)]
