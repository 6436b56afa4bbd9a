"""Which codecs the batches of a topic have: clients send small ones uncompressed whatever their settings (Kafka)."""

from collections import Counter
from unittest import mock

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords

from tests.clients.publishers import CODECS

READ_MS = 200


async def codecs_of(bootstrap: str, topic: str) -> Counter[str]:
    """Batches by codec, from the topic's start to its present end."""
    found: Counter[str] = Counter()

    class Noting(MemoryRecords):  # type: ignore[misc]
        def next_batch(self) -> object:
            batch = super().next_batch()
            if batch is not None and not batch.is_control_batch:
                found[CODECS[batch.compression_type]] += 1
            return batch

    with mock.patch.object(fetcher, "MemoryRecords", Noting):
        async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
            ends = await consumer.end_offsets(list(consumer.assignment()))
            while behind := [tp for tp, end in ends.items() if end and await consumer.position(tp) < end]:
                await consumer.getmany(*behind, timeout_ms=READ_MS)
    return found
