"""Dead letters keep what was sent and say what was wrong with it."""

from dataclasses import dataclass, replace

from workers.dead_letters.writer import dead_letter, original_headers
from workers.errors import BadRecordError
from workers.records.codes import reason_of
from workers.records.headers import InHeaders
from workers.records.out import OutRecord
from workers.stream.chunk import Record
from workers.topics import MAX_LETTER_BYTES


@dataclass(frozen=True)
class Received:
    """A consumed record, as aiokafka hands it out."""

    topic: str = "user-interactions"
    partition: int = 3
    offset: int = 41
    timestamp: int = 1_714_564_800_000
    key: bytes | None = b"\xff key"
    value: bytes | None = b"\x00 not json"
    headers: InHeaders = (("trace", b"\xfe"), ("empty", None))


def letter(record: Record | None = None, error: Exception | None = None) -> OutRecord:
    return dead_letter(record or Received(), error or BadRecordError("invalid_json", "no JSON"), "decode")


def fields(out: OutRecord) -> dict[str, str]:
    return {name: content.decode() for name, content in out.headers if content is not None and name != "trace"}


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


def test_key_value_and_headers_are_untouched_and_the_time_is_told() -> None:
    received = Received()
    out = letter(received)
    assert (out.key, out.value) == (received.key, received.value)
    assert out.headers[:2] == (("trace", b"\xfe"), ("empty", None))
    assert fields(out)["tastestream.time_ms"] == str(received.timestamp)


def test_a_letter_is_as_old_as_its_writing_so_that_it_is_kept_as_long_as_any_other() -> None:
    assert letter().timestamp_ms is None


def test_the_headers_of_the_producer_are_found_again() -> None:
    assert original_headers(letter().headers) == Received().headers
    theirs = (("__connect.errors.topic", b"their-source"), ("tastestream.origin", b"t/0/1"), ("a", b"1"))
    assert original_headers(letter(replace(Received(), headers=theirs)).headers) == (theirs[0], theirs[2])


def test_a_replay_that_fails_again_says_where_it_was_refused_first() -> None:
    replayed = replace(Received(), headers=(("tastestream.attempt", b"1"), ("tastestream.origin", b"t/0/7")))
    again = fields(letter(replayed))
    assert (again["tastestream.attempt"], again["tastestream.origin"]) == ("2", "t/0/7")


def test_the_headers_say_where_why_and_which_attempt() -> None:
    named = fields(letter(error=raised(BadRecordError("invalid_json", "no JSON"))))
    assert named["__connect.errors.topic"] == "user-interactions"
    assert named["__connect.errors.partition"] == "3"
    assert named["__connect.errors.offset"] == "41"
    assert named["__connect.errors.stage"] == "decode"
    assert named["__connect.errors.exception.class.name"] == "workers.errors.BadRecordError"
    assert named["__connect.errors.exception.message"] == "no JSON"
    assert "in raised" in named["__connect.errors.exception.stacktrace"]
    assert (named["tastestream.reason"], named["tastestream.attempt"]) == ("invalid_json", "1")


def test_an_unexpected_failure_has_a_reason_too() -> None:
    assert fields(letter(error=KeyError("x")))["tastestream.reason"] == "processing_failed"
    assert reason_of(ZeroDivisionError()) == "processing_failed"


def test_long_messages_are_cut() -> None:
    headers = dict(letter(error=ValueError("é" * 100_000)).headers)
    assert len(headers["__connect.errors.exception.message"] or b"") == 1024
    assert len(headers["__connect.errors.exception.stacktrace"] or b"") == 4096


def test_a_message_that_utf8_cannot_hold_is_still_written() -> None:
    assert fields(letter(error=ValueError("\ud800")))["__connect.errors.exception.message"] == "?"


def test_a_replayed_letter_that_fails_again_counts_its_attempts_and_does_not_grow() -> None:
    first = letter()
    again = letter(replace(Received(), offset=99, headers=first.headers))
    assert [name for name, _ in again.headers] == [name for name, _ in first.headers]
    assert fields(again)["tastestream.attempt"] == "2"
    assert fields(again)["__connect.errors.offset"] == "99"


def test_connect_headers_of_other_tools_are_untouched() -> None:
    theirs = ("__connect.errors.topic", b"their-source")
    assert letter(replace(Received(), headers=(theirs,))).headers[0] == theirs


def test_an_attempt_that_is_no_count_starts_again() -> None:
    for content in (b"many", b"-3", b"9" * 5000, "٣".encode()):
        headers = (("tastestream.attempt", content), ("tastestream.reason", b"x"))
        assert fields(letter(replace(Received(), headers=headers)))["tastestream.attempt"] == "1"


def test_a_record_too_large_for_the_dead_letter_topic_leaves_its_address() -> None:
    out = letter(replace(Received(), value=b"x" * MAX_LETTER_BYTES))
    assert (out.key, out.value) == (None, None)
    assert int(fields(out)["tastestream.omitted_bytes"]) > MAX_LETTER_BYTES
    assert fields(out)["__connect.errors.offset"] == "41"
