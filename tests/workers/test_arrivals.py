"""A record in a foreign partition keeps its first place, however often it is forwarded."""

import pytest
from aiokafka import TopicPartition

from tests.stream.builders import record_at
from workers.errors import BadRecordError
from workers.records.out import Headers, OutRecord
from workers.stream.chunk import Record
from workers.topics import Topics
from workers.users.arrivals import (
    FIRST_PLACE_HEADER,
    KIND_HEADER,
    MAX_HOPS,
    SUBJECT_HEADER,
    Arrival,
    Forwarding,
    arrival_of,
    forwarded,
)

TOPICS = Topics()
PARTITIONS = 8


def rerouted(partition: int, offset: int, headers: Headers) -> Record:
    return record_at(TopicPartition(TOPICS.interactions_rerouted, partition), offset, headers=headers)


def published(partition: int, offset: int, headers: Headers = ()) -> Record:
    tp = TopicPartition(TOPICS.user_interactions, partition)
    return record_at(tp, offset, key=None, value=b"{}", time_ms=5, headers=headers)


def arrival(record: Record) -> Arrival:
    return arrival_of(record, TOPICS, PARTITIONS)


def again(partition: int, offset: int, out: OutRecord) -> Record:
    """What was sent, as it is read."""
    return rerouted(partition, offset, out.headers)


def test_a_record_of_the_input_topic_has_one_place() -> None:
    assert arrival(published(3, 77)) == Arrival(first=(3, 77), origin=(3, 77), mark=(3, 77))


def test_a_forwarded_record_keeps_key_value_time_and_first_place() -> None:
    record = published(3, 77)
    out = forwarded(record, arrival(record))
    assert (out.key, out.value, out.timestamp_ms) == (None, b"{}", 5)
    found = arrival(again(5, 9, out))
    assert (found.first, found.origin, found.mark) == ((3, 77), (PARTITIONS + 5, 9), (3, 77))


def test_a_record_forwarded_twice_keeps_its_first_place_and_its_lane_is_the_way_it_came() -> None:
    record = published(3, 77)
    there = again(5, 9, forwarded(record, arrival(record)))
    found = arrival(again(6, 2, forwarded(there, arrival(there), "user-1")))
    assert (found.first, found.mark) == ((3, 77), (PARTITIONS + 5, 9))
    assert found.forwarding == Forwarding(hops=2, subject="user-1")


def test_a_record_forwarded_to_its_own_partition_has_a_lane_beside_those_that_come_directly() -> None:
    record = published(3, 77)
    found = arrival(again(3, 9, forwarded(record, arrival(record), "user-1")))
    assert found.first == (3, 77)
    assert found.mark != arrival(record).mark and found.mark[0] >= 2 * PARTITIONS


def test_a_record_that_was_forwarded_too_often_is_refused() -> None:
    record = published(3, 77)
    for hop in range(MAX_HOPS):
        record = again(hop % 2, hop, forwarded(record, arrival(record)))
    with pytest.raises(BadRecordError, match="circle"):
        forwarded(record, arrival(record))


def test_headers_of_ours_from_a_client_mean_nothing() -> None:
    forged = ((FIRST_PLACE_HEADER, b"1:1"), (KIND_HEADER, b"merge"), (SUBJECT_HEADER, b"victim"), ("theirs", b"1"))
    record = published(3, 77, forged)
    assert arrival(record).forwarding is None
    out = forwarded(record, arrival(record))
    assert dict(out.headers) == {"theirs": b"1", FIRST_PLACE_HEADER: b"3:77"}


@pytest.mark.parametrize(
    "junk",
    [
        ((KIND_HEADER, b"teleport"), (SUBJECT_HEADER, b"u")),
        ((KIND_HEADER, b"merge"),),
        ((SUBJECT_HEADER, b"\xff"),),
        ((SUBJECT_HEADER, b"u" * 513),),
    ],
)
def test_junk_in_headers_of_ours_is_refused(junk: Headers) -> None:
    with pytest.raises(BadRecordError):
        arrival(rerouted(5, 9, ((FIRST_PLACE_HEADER, b"3:77"), *junk)))


def test_origins_of_forwarded_records_never_meet_those_of_the_input_topic() -> None:
    direct = {
        arrival_of(record_at(TopicPartition(TOPICS.user_interactions, p), 0), TOPICS, PARTITIONS).origin[0]
        for p in range(PARTITIONS)
    }
    position = ((FIRST_PLACE_HEADER, b"3:77"),)
    indirect = {arrival_of(rerouted(p, 0, position), TOPICS, PARTITIONS).origin[0] for p in range(PARTITIONS)}
    assert not direct & indirect


@pytest.mark.parametrize("position", [b"", b"x", b"3", b"3:", b"9:1", b"-1:4", b"3:77:1", b"\xff:1"])
def test_a_forwarded_record_without_a_usable_first_place_is_refused(position: bytes) -> None:
    with pytest.raises(BadRecordError, match=FIRST_PLACE_HEADER):
        arrival_of(rerouted(5, 9, ((FIRST_PLACE_HEADER, position),)), TOPICS, PARTITIONS)
