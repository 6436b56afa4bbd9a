"""Times on the wire: zoned ISO 8601, epoch seconds, milliseconds or microseconds, or these as text.

Inside, every time is an int of epoch milliseconds. A number below 10^11 in size is read as seconds (as
milliseconds it would lie before March 1973, as seconds it reaches the year 5138), one from 10^14 on as
microseconds, by the same token.
"""

import math
import re
from datetime import UTC, datetime, timedelta

from pydantic_core import PydanticCustomError

from workers.records.codes import Reason

SECONDS_BELOW = 10**11
LATEST_MS = 10**14  # numbers from here on are microseconds
EARLIEST_PUBLICATION_MS = -62_135_596_800_000  # 0001-01-01, so that old books and films have a date
MAX_TEXT = 64  # characters; the longest ISO 8601 form in use has 35

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def event_time_ms(value: object) -> int:
    """When something happened, as epoch ms, 1970 or later.

    >>> event_time_ms("2024-05-01T12:00:00Z"), event_time_ms(1714564800), event_time_ms("1714564800000")
    (1714564800000, 1714564800000, 1714564800000)
    """
    if type(value) is int and SECONDS_BELOW <= value < LATEST_MS:
        return value
    return _within(_parse(value), 0)


def publication_time_ms(value: object) -> int:
    """When an item appeared, as epoch ms; dates before 1970 and plain dates (midnight UTC) are welcome.

    Dates of 1966–1973 have to be ISO text: as numbers of milliseconds they look like seconds.

    >>> publication_time_ms("1969-12-31"), publication_time_ms("1970-01-02T00:00:00+00:00")
    (-86400000, 86400000)
    """
    if isinstance(value, str) and _DATE.fullmatch(value):
        value += "T00:00:00+00:00"
    return _within(_parse(value), EARLIEST_PUBLICATION_MS)


def _parse(value: object) -> int:
    if isinstance(value, str):
        return _parse_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError(Reason.WRONG_TYPE, "a time must be a number or text")
    return _from_number(value)


def _parse_text(text: str) -> int:
    if len(text) > MAX_TEXT:
        raise _invalid("is too long")
    if _NUMBER.fullmatch(text):
        return _from_number(float(text) if "." in text else int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _invalid("is neither ISO 8601 nor a number") from None
    if moment.tzinfo is None:
        raise _invalid("has no zone, add Z or an offset such as +02:00")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _from_number(number: int | float) -> int:
    if not math.isfinite(number):
        raise _invalid("is not finite")
    if abs(number) < SECONDS_BELOW:
        return round(number * 1000)
    return round(number) if abs(number) < LATEST_MS else int(number // 1000)


def _within(time_ms: int, earliest_ms: int) -> int:
    if not earliest_ms <= time_ms < LATEST_MS:
        raise _invalid("lies outside the range of usable times")
    return time_ms


def _invalid(problem: str) -> PydanticCustomError:
    return PydanticCustomError(Reason.INVALID_TIME, "the time {problem}", {"problem": problem})
