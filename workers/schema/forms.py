"""Whether contents have the form of one of our fields, and how times are written."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic_core import PydanticCustomError

from workers.records.fields import identifier, split_tags
from workers.records.times import LATEST_MS, MAX_TEXT, SECONDS_BELOW, event_time_ms, publication_time_ms

MIN_SHARE = 0.9  # of the contents that must have the form
MAX_EVENT_NAMES = 100
NOT_A_TIME = "no time"


def fits(name: str, values: list[Any]) -> bool:
    """Whether at least nine in ten of these contents could be our field of that name."""
    if not values or (name == "event_type" and len({str(value) for value in values}) > MAX_EVENT_NAMES):
        return False
    has_form = _FORMS.get(name, _is_text)
    return sum(map(has_form, values)) >= MIN_SHARE * len(values)


def time_forms(values: Iterable[Any]) -> Counter[str]:
    """How often times are written in which way.

    >>> dict(time_forms([1714564800, "1714564800000", "2024-05-01T12:00:00", "noon"]))
    {'epoch s': 1, 'epoch ms as text': 1, 'ISO 8601 without a zone': 1, 'no time': 1}
    """
    return Counter(map(_time_form, values))


def _time_form(value: Any) -> str:
    if isinstance(value, str):
        text = value.strip()
        if len(text) > MAX_TEXT:
            return NOT_A_TIME
        try:
            return f"{_epoch_form(float(text))} as text"
        except ValueError:
            return _iso_form(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOT_A_TIME
    return _epoch_form(value)


def _epoch_form(number: float) -> str:
    if abs(number) < SECONDS_BELOW:
        return "epoch s"
    return "epoch ms" if abs(number) < LATEST_MS else "epoch µs"


def _iso_form(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return NOT_A_TIME
    return "ISO 8601" if moment.tzinfo else "ISO 8601 without a zone"


def _passes(read: Callable[[Any], object]) -> Callable[[Any], bool]:
    def passes(value: Any) -> bool:
        try:
            read(value)
        except PydanticCustomError:
            return False
        return True

    return passes


def _is_text(value: Any) -> bool:
    return isinstance(value, str | int)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or value in (0, 1, "true", "false")


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, int | float) for part in value)


_IS_ID = _passes(identifier)
_FORMS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("event_id", "user_id", "anonymous_id", "session_id", "item_id", "recommendation_id"), _IS_ID),
    "event_type": lambda value: isinstance(value, str),
    "event_time": _passes(event_time_ms),
    "published_at": _passes(publication_time_ms),
    "value": _is_number,
    "price": _is_number,
    "tags": _passes(split_tags),
    "available": _is_truth,
    "vector": _is_vector,
}
