"""Whether contents have the form of one of our fields, and how times are written."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic_core import PydanticCustomError

from workers.records.fields import identifier, split_tags
from workers.records.times import LATEST_MS, MAX_TEXT, SECONDS_BELOW, event_time_ms, publication_time_ms

EARLIEST_CLOCK_MS = 946_684_800_000  # 2000-01-01: what is a time by its contents alone is of our days
LATEST_CLOCK_MS = 2_524_608_000_000  # 2050-01-01
MIN_SHARE = 0.9  # of the contents that must have the form
MAX_EVENT_NAMES = 100
NOT_A_TIME = "no time"


def fits(name: str, values: list[Any]) -> bool:
    """Whether at least nine in ten of these contents could be our field of that name."""
    if not values or (name == "event_type" and distinct(values) > MAX_EVENT_NAMES):
        return False
    has_form = _FORMS.get(name, _is_text)
    return sum(map(has_form, values)) >= MIN_SHARE * len(values)


def distinct(values: Iterable[Any]) -> int:
    """How many different texts and numbers there are; anything else could be nested too deeply to compare."""
    return len({value for value in values if isinstance(value, str | int | float)})


def time_forms(values: Iterable[Any]) -> Counter[str]:
    """How often times are written in which way.

    >>> dict(time_forms([1714564800, "1714564800000", "2024-05-01T12:00:00", "noon"]))
    {'epoch s': 1, 'epoch ms as text': 1, 'ISO 8601 without a zone': 1, 'no time': 1}
    """
    return Counter(map(_time_form, values))


def is_clock_time(value: Any) -> bool:
    """Whether the value alone is recognizable as a current time: ISO 8601 with a zone, or epoch from 2000 to 2050.

    >>> [is_clock_time(one) for one in ("2024-05-01T12:00:00Z", 1714564800, "17", 5_000_000_000, "2024-05-01")]
    [True, True, False, False, False]
    """
    try:
        return EARLIEST_CLOCK_MS <= event_time_ms(value) < LATEST_CLOCK_MS
    except PydanticCustomError:
        return False


def is_identifier(value: Any) -> bool:
    """Whether the value can be an id."""
    return _IS_ID(value)


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
