"""Whole topics read from start to end and nothing else: the baseline under what a worker does with them (Kafka)."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from aiokafka import AIOKafkaConsumer

from load.client.kafka import Bootstrap, options_of

POLL_MS = 200
FETCH_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class ReadSpeed:
    """How many records there were, bytes of their keys and values as a client sees them, and what reading took."""

    records: int
    size: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Records per second of wall time."""
        return self.records / self.seconds

    @property
    def per_cpu_s(self) -> float:
        """Records per second of this process's CPU time."""
        return self.records / self.cpu_s


async def read_through(bootstrap: Bootstrap, topics: Iterable[str], *, parse: bool = False) -> ReadSpeed:
    """Read all partitions of `topics` up to their present ends; `parse`: each value as JSON, too."""
    consumer = AIOKafkaConsumer(
        *topics,
        **options_of(bootstrap),
        group_id=None,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        records, size, began, began_cpu = 0, 0, time.perf_counter(), time.process_time()
        while behind := [tp for tp, end in ends.items() if end and await consumer.position(tp) < end]:
            for run in (await consumer.getmany(*behind, timeout_ms=POLL_MS)).values():
                records += len(run)
                size += sum(len(one.key or b"") + len(one.value or b"") for one in run)
                if parse:
                    for one in run:
                        orjson.loads(one.value)
        return ReadSpeed(records, size, time.perf_counter() - began, time.process_time() - began_cpu)
    finally:
        await consumer.stop()
