"""Times on the wire become epoch ms, or are refused."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from tests.records.builders import NOW_MS
from workers.records.times import event_time_ms, publication_time_ms

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    "spelling",
    [
        NOW_MS,
        NOW_MS // 1000,
        float(NOW_MS // 1000),
        NOW_MS * 1000,
        NOW_MS * 1000 + 999,
        str(NOW_MS * 1000),
        str(NOW_MS),
        str(NOW_MS // 1000),
        "2024-05-01T12:00:00Z",
        "2024-05-01T14:00:00+02:00",
        "2024-05-01 12:00:00.000+00:00",
        " 2024-05-01T12:00:00Z ",
    ],
)
def test_every_accepted_spelling_of_a_moment_is_the_same_moment(spelling: Any) -> None:
    assert event_time_ms(spelling) == NOW_MS


def test_fractions_of_seconds_survive() -> None:
    assert event_time_ms(1_714_564_800.25) == NOW_MS + 250
    assert event_time_ms("2024-05-01T12:00:00.250Z") == NOW_MS + 250


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        (-1, "invalid_time"),
        ("-5", "invalid_time"),
        (10**17, "invalid_time"),
        (10**30, "invalid_time"),
        (float("nan"), "invalid_time"),
        (float("inf"), "invalid_time"),
        ("nan", "invalid_time"),
        ("yesterday", "invalid_time"),
        ("", "invalid_time"),
        ("9" * 10_000, "invalid_time"),
        ("1969-12-31T00:00:00Z", "invalid_time"),
        (True, "wrong_type"),
        (None, "wrong_type"),
        ([NOW_MS], "wrong_type"),
    ],
)
def test_a_useless_time_is_refused(spelling: Any, code: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        event_time_ms(spelling)
    assert refused.value.type == code


def test_a_time_without_a_zone_is_refused_with_the_remedy() -> None:
    with pytest.raises(PydanticCustomError, match="add Z or an offset"):
        event_time_ms("2024-05-01T12:00:00")


def test_an_item_may_be_older_than_1970() -> None:
    assert publication_time_ms("1895-12-28") < publication_time_ms("1969-12-31") < 0


@given(st.datetimes(datetime(1970, 1, 2), datetime(5000, 1, 1), timezones=ZONES))
def test_iso_text_keeps_the_moment_to_the_millisecond(moment: datetime) -> None:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert event_time_ms(moment.isoformat()) == since // timedelta(milliseconds=1)


@given(st.one_of(st.text(max_size=80), st.floats(), st.integers(), st.none(), st.booleans()))
def test_anything_is_a_time_in_range_or_refused(value: Any) -> None:
    for read in (event_time_ms, publication_time_ms):
        try:
            assert -(10**14) < read(value) < 10**14
        except PydanticCustomError as refused:
            assert refused.type in {"invalid_time", "wrong_type"}
