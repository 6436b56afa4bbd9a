"""Reads a partition from its first record on (I/O)."""

from aiokafka import AIOKafkaConsumer, TopicPartition


async def read_from_start(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    """Assign `partition` at its first record; returns the offset after the last one that it holds now.

    Both are asked for before anything is fetched: an answer waits behind the fetch of an empty partition, half a
    second each time.
    """
    first = (await consumer.beginning_offsets([partition]))[partition]
    end = (await consumer.end_offsets([partition]))[partition]
    consumer.assign([partition])
    consumer.seek(partition, first)
    return int(end)
