"""What a followed topic holds that can't be used is skipped, whatever it is, until its key is healed."""

import pytest

from tests.workers.test_dead_letters import Received
from workers.errors import BadRecordError
from workers.stream.chunk import Record
from workers.stream.refused import MOST_KEPT, Refusals


def good_only(record: Record) -> None:
    """Takes values that say so, and a null of a key that does."""
    if record.key == b"\xff" or (record.value is not None and record.value != b"good"):
        raise BadRecordError("invalid_json", "not good")


def record(key: bytes, value: bytes | None, offset: int = 0) -> Record:
    return Received(topic="rules", partition=0, offset=offset, key=key, value=value)


def test_a_bad_record_is_kept_with_place_key_and_reason() -> None:
    refused = Refusals()
    assert isinstance(refused.take(record(b"home", b"junk", 7), good_only), BadRecordError)
    [one] = refused
    assert (one.position, one.key, one.reason, one.problem) == ("rules/0/7", "home", "invalid_json", "not good")


@pytest.mark.parametrize("healer", [b"good", None])
def test_a_later_good_record_or_a_null_value_heals_its_key_and_no_other(healer: bytes | None) -> None:
    refused = Refusals()
    for key in (b"home", b"other"):
        refused.take(record(key, b"junk"), good_only)
    assert refused.take(record(b"home", healer), good_only) is None
    assert [one.key for one in refused] == ["other"]


def test_a_null_value_heals_even_a_key_that_means_nothing() -> None:
    refused = Refusals()
    refused.take(record(b"\xff", b"good"), good_only)
    assert len(refused) == 1
    assert refused.take(record(b"\xff", None), good_only) is None
    assert len(refused) == 0


@pytest.mark.parametrize("fault", [RecursionError("too deep"), KeyError("x"), OverflowError(), ValueError("torn")])
def test_a_fault_of_the_decoder_itself_is_a_refusal_too(fault: Exception) -> None:
    def broken(_: Record) -> None:
        raise fault

    refused = Refusals()
    assert refused.take(record(b"home", b"{}"), broken) is fault
    assert [one.reason for one in refused] == ["processing_failed"]


def test_of_very_many_those_refused_last_are_kept_and_no_text_is_long() -> None:
    def talkative(_: Record) -> None:
        raise BadRecordError("too_large", "x" * 100_000)

    refused = Refusals()
    for number in range(MOST_KEPT + 10):
        refused.take(record(b"%d" % number + b"k" * 10_000, b"junk", number), talkative)
    positions = [one.position for one in refused]
    assert (len(positions), positions[0], positions[-1]) == (MOST_KEPT, "rules/0/10", f"rules/0/{MOST_KEPT + 9}")
    assert all(len(one.key) + len(one.problem) < 1_000 for one in refused)
