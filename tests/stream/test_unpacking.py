"""A batch that is small on its way and huge in memory is one refused record; all others come out as they went in."""

import gzip

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kafka import create_topic, write
from workers.records.codecs import CODECS, Codec
from workers.stream import unpacking
from workers.stream.consumers import committed_reader
from workers.stream.unpacking import MOST_BYTES, BoundedRecords, UnpackingError, bound_unpacking

PACKED: tuple[Codec, ...] = ("gzip", "snappy", "lz4", "zstd")


def batch(codec: Codec, *values: bytes) -> BatchBuilder:
    made = BatchBuilder(1 << 30, CODECS[codec])
    for value in values:
        made.append(timestamp=None, key=b"k", value=value)
    return made


def values_in(records: MemoryRecords) -> list[bytes]:
    found = []
    while records.has_next():
        found += [record.value for record in records.next_batch()]
    return found


@given(st.sampled_from(PACKED), st.lists(st.binary(max_size=3_000), min_size=1), st.integers(1, 400))
def test_what_is_packed_comes_out_the_same(codec: Codec, values: list[bytes], repeats: int) -> None:
    bound_unpacking()
    packed = bytes(batch(codec, *(value * repeats for value in values))._build())
    assert values_in(BoundedRecords(packed)) == [value * repeats for value in values]


@pytest.mark.parametrize("codec", PACKED)
def test_what_compresses_very_well_is_unpacked_up_to_the_bound(codec: Codec) -> None:
    bound_unpacking()
    value = bytes(MOST_BYTES - 1_000)
    assert values_in(BoundedRecords(bytes(batch(codec, value)._build()))) == [value]
    [refused] = values_in(BoundedRecords(bytes(batch(codec, value, bytes(1_000))._build())))
    assert b"more than 64 MiB" in refused


def test_gzip_members_behind_each_other_are_one_content() -> None:
    assert unpacking._gzip(gzip.compress(b"one, ") + gzip.compress(b"two")) == b"one, two"


@pytest.mark.parametrize("name", ["gzip_decode", "snappy_decode", "lz4_decode", "zstd_decode"])
@settings(max_examples=10)
@given(st.binary())
def test_damaged_content_is_an_error_of_ours(name: str, payload: bytes) -> None:
    try:
        unpacking._DECODERS[name](payload)
    except UnpackingError as error:
        assert "damaged" in str(error)


@pytest.mark.parametrize("codec", PACKED)
async def test_a_reader_goes_on_behind_a_batch_that_is_too_large(broker: str, codec: Codec) -> None:
    topic = await create_topic(broker, "huge", configs={"max.message.bytes": str(16 << 20)})
    await write(broker, topic, [b"before"])
    async with AIOKafkaProducer(bootstrap_servers=broker, max_request_size=16 << 20) as producer:
        huge = batch(codec, b"good", *[bytes(MOST_BYTES // 2)] * 2)
        await (await producer.send_batch(huge, topic, partition=0))
    await write(broker, topic, [b"after"])
    async with committed_reader({"bootstrap_servers": broker}) as consumer:
        tp = TopicPartition(topic, 0)
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        found = []
        while await consumer.position(tp) < 5:
            found += (await consumer.getmany(tp, timeout_ms=200)).get(tp, [])
    assert [record.offset for record in found] == [0, 3, 4]
    assert [record.value for record in found][::2] == [b"before", b"after"]
    assert found[1].value.startswith(b"a batch that is damaged, or has more than 64 MiB")
