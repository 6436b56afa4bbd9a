"""Whole topics, read from their start to their present end (touches Kafka)."""

from aiokafka import AIOKafkaConsumer

from workers.stream.chunk import Record

POLL_MS = 200


async def read_all(bootstrap: str, topic: str) -> list[Record]:
    """Records of all partitions, each partition in offset order."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        records: list[Record] = []
        while behind := [tp for tp, end in ends.items() if end and await consumer.position(tp) < end]:
            for batch in (await consumer.getmany(*behind, timeout_ms=POLL_MS)).values():
                records += batch
        return records
    finally:
        await consumer.stop()


async def last_values(bootstrap: str, topic: str) -> dict[str, bytes]:
    """The last value of each key of a compacted topic."""
    values: dict[str, bytes] = {}
    for record in await read_all(bootstrap, topic):
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            values.pop(key, None)
        else:
            values[key] = record.value
    return values
