"""Where partitions end now, asked where no fetch is in the way (I/O).

On the connection of a client that fetches, the answer waits behind the fetch of an empty partition: half a second.
"""

from collections.abc import Callable, Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import committed_reader, log_reader


async def stable_ends(
    options: ClientOptions, partitions: Iterable[TopicPartition], *, patience_s: float
) -> dict[TopicPartition, int]:
    """How far `partitions` can be read now: up to the first record of a transaction that is still open, if one is."""
    return await _ends(lambda: committed_reader(options), partitions, patience_s)


async def log_ends(
    options: ClientOptions, partitions: Iterable[TopicPartition], *, patience_s: float
) -> dict[TopicPartition, int]:
    """Offsets after all that lies in `partitions`, readable or not."""
    return await _ends(lambda: log_reader(options), partitions, patience_s)


async def read_from_start(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    """Assign `partition` at its first record; returns the offset after the last one that `consumer` can read now."""
    first = (await consumer.beginning_offsets([partition]))[partition]
    end = (await consumer.end_offsets([partition]))[partition]
    consumer.assign([partition])
    consumer.seek(partition, first)
    return int(end)


async def _ends(
    build: Callable[[], AIOKafkaConsumer], partitions: Iterable[TopicPartition], patience_s: float
) -> dict[TopicPartition, int]:
    consumer = await connect(build, patience_s=patience_s)
    try:
        return dict(await consumer.end_offsets(list(partitions)))
    finally:
        await disconnect(consumer)
