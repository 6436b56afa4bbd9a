"""What was refused is found again in its letter, and goes out as it came."""

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from tests.dlq.builders import HEADERS, REFUSED_MS, TIME_MS, TOPICS, as_read, letter, refused
from tests.stream.builders import record_at
from workers.admin.dead_letters.letter import letter_of
from workers.admin.dead_letters.replay import replayed, target_partition, target_topic, why_not
from workers.dead_letters.origin import Origin
from workers.dead_letters.writer import MAX_ORIGINAL_BYTES
from workers.records.out import Headers

contents = st.none() | st.binary(max_size=20)
client_headers = st.lists(
    st.tuples(st.sampled_from(["a", "__connect.errors.topic", "__connect.errors.stage", "ce_id"]), contents), max_size=6
).map(tuple)


@given(contents, contents, client_headers)
def test_whatever_was_sent_is_what_a_replay_sends(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    out = replayed(letter(refused(key=key, value=value, headers=headers)))
    assert (out.key, out.value, out.timestamp_ms) == (key, value, TIME_MS)
    assert out.headers[: len(headers)] == headers
    assert dict(out.headers[len(headers) :]) == {
        "tastestream.attempt": b"1",
        "tastestream.origin": b"user-interactions/3/41",
    }


def test_a_letter_tells_what_was_refused_where_and_why() -> None:
    found = letter()
    assert (found.position, found.origin) == (Origin("user-interactions", 3, 41), Origin("user-interactions", 3, 41))
    assert (found.reason, found.stage, found.attempt) == ("unknown_event_type", "interactions", 1)
    assert (found.refused_at_ms, found.time_ms, found.headers) == (REFUSED_MS, TIME_MS, HEADERS)
    assert found.message == "teleport is not an event type"


def test_a_replay_that_fails_again_is_a_letter_with_the_second_attempt_and_the_first_origin() -> None:
    first = letter()
    out = replayed(first)
    again = letter(refused(offset=99, headers=out.headers))
    assert (again.attempt, again.position.offset, again.origin.offset) == (2, 99, 41)
    assert again.headers == first.headers
    assert replayed(again).headers[-1] == ("tastestream.origin", b"user-interactions/3/41")


def test_other_records_on_the_dead_letter_topic_are_no_letters() -> None:
    whole = as_read(refused())
    for headers in ((), (("tastestream.reason", b"x"),), whole.headers[:3]):
        other = record_at(TopicPartition(whole.topic, 0), 1, headers=tuple(headers))
        assert letter_of(other, TOPICS) is None


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        ("recommendation-requests", "no client waits"),
        ("item-transitions", "a rebuild"),
        ("recommendation-rules", "tastestream rules put"),
        ("item-vectors", "tastestream retrain"),
        ("another-prefix.user-interactions", "none that workers of this prefix read"),
    ],
)
def test_some_letters_are_never_replayed(topic: str, message: str) -> None:
    assert message in why_not(letter(refused(topic=topic)), TOPICS)


def test_a_letter_without_its_content_is_never_replayed() -> None:
    found = letter(refused(value=b"x" * (MAX_ORIGINAL_BYTES + 1)))
    assert found.omitted_bytes is not None and found.omitted_bytes > MAX_ORIGINAL_BYTES
    assert "still in its own topic" in why_not(found, TOPICS)


def test_a_replay_goes_where_its_key_belongs_and_without_one_where_it_was() -> None:
    assert target_partition(letter(), TOPICS) is None
    assert target_partition(letter(refused(key=None)), TOPICS) == 3


def test_what_was_forwarded_enters_again_under_its_first_place() -> None:
    forwarded = refused("interactions-rerouted", headers=(*HEADERS, ("tastestream.first_place", b"5:77")))
    found = letter(forwarded)
    assert (why_not(found, TOPICS), target_topic(found, TOPICS)) == ("", "user-interactions")
    assert found.origin == Origin("user-interactions", 5, 77)
    assert "tastestream.first_place" not in dict(replayed(found).headers)
