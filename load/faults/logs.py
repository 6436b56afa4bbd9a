"""Whole topics, read from their start to their present end (touches Kafka)."""

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer

from workers.stream.chunk import Record
from workers.stream.table import NO_ID

POLL_MS = 200


async def records_of(bootstrap: str, topic: str) -> AsyncIterator[Record]:
    """Records of all partitions that a worker reads, too, each partition in offset order."""
    settings = {"group_id": None, "auto_offset_reset": "earliest", "isolation_level": "read_committed"}
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, **settings)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while behind := [tp for tp, end in ends.items() if end and await consumer.position(tp) < end]:
            for batch in (await consumer.getmany(*behind, timeout_ms=POLL_MS)).values():
                for record in batch:
                    yield record
    finally:
        await consumer.stop()


async def read_all(bootstrap: str, topic: str) -> list[Record]:
    """Records of all partitions, each partition in offset order, in one list."""
    return [record async for record in records_of(bootstrap, topic)]


async def last_values(bootstrap: str, topic: str) -> dict[str, bytes]:
    """The last row of each key of a changelog."""
    values: dict[str, bytes] = {}
    async for record in records_of(bootstrap, topic):
        if (record.key or b"").startswith(NO_ID):
            continue
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            values.pop(key, None)
        else:
            values[key] = record.value
    return values
