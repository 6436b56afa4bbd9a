"""Where partitions end now, asked where no fetch is in the way (I/O).

On the connection of a client that fetches, the answer waits behind the fetch of an empty partition: half a second.
"""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from workers.stream.connect import ClientOptions, connect, disconnect


async def end_offsets(
    options: ClientOptions, partitions: Iterable[TopicPartition], *, patience_s: float
) -> dict[TopicPartition, int]:
    """Offsets after the last records of `partitions`, asked by a client of its own."""
    consumer = await connect(lambda: AIOKafkaConsumer(**options, enable_auto_commit=False), patience_s=patience_s)
    try:
        return dict(await consumer.end_offsets(list(partitions)))
    finally:
        await disconnect(consumer)


async def read_from_start(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    """Assign `partition` at its first record; returns the offset after the last one that it holds now."""
    first = (await consumer.beginning_offsets([partition]))[partition]
    end = (await consumer.end_offsets([partition]))[partition]
    consumer.assign([partition])
    consumer.seek(partition, first)
    return int(end)
