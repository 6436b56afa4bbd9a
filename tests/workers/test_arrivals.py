"""A record in a foreign partition keeps its first place, however often it is forwarded."""

import pytest
from aiokafka import TopicPartition

from tests.stream.builders import record_at
from workers.arrivals import FIRST_PLACE_HEADER, Arrival, arrival_of, forwarded
from workers.errors import BadRecordError
from workers.records.out import Headers
from workers.stream.chunk import Record
from workers.topics import Topics

TOPICS = Topics()
PARTITIONS = 8


def rerouted(partition: int, offset: int, headers: Headers) -> Record:
    return record_at(TopicPartition(TOPICS.interactions_rerouted, partition), offset, headers=headers)


def test_a_record_of_the_input_topic_has_one_place() -> None:
    record = record_at(TopicPartition(TOPICS.user_interactions, 3), 77)
    assert arrival_of(record, TOPICS, PARTITIONS) == Arrival(first=(3, 77), origin=(3, 77))


def test_a_forwarded_record_keeps_key_value_time_and_first_place() -> None:
    record = record_at(TopicPartition(TOPICS.user_interactions, 3), 77, key=None, value=b"{}", time_ms=5)
    out = forwarded(record)
    assert (out.key, out.value, out.timestamp_ms) == (None, b"{}", 5)
    arrival = arrival_of(rerouted(5, 9, out.headers), TOPICS, PARTITIONS)
    assert arrival == Arrival(first=(3, 77), origin=(PARTITIONS + 5, 9))


def test_origins_of_forwarded_records_never_meet_those_of_the_input_topic() -> None:
    direct = {
        arrival_of(record_at(TopicPartition(TOPICS.user_interactions, p), 0), TOPICS, PARTITIONS).origin[0]
        for p in range(PARTITIONS)
    }
    place = ((FIRST_PLACE_HEADER, b"3:77"),)
    indirect = {arrival_of(rerouted(p, 0, place), TOPICS, PARTITIONS).origin[0] for p in range(PARTITIONS)}
    assert not direct & indirect


@pytest.mark.parametrize("place", [b"", b"x", b"3", b"3:", b"9:1", b"-1:4", b"3:77:1", b"\xff:1"])
def test_a_forwarded_record_without_a_usable_first_place_is_refused(place: bytes) -> None:
    with pytest.raises(BadRecordError, match=FIRST_PLACE_HEADER):
        arrival_of(rerouted(5, 9, ((FIRST_PLACE_HEADER, place),)), TOPICS, PARTITIONS)
