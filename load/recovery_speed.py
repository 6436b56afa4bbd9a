"""How fast tables come back from their changelogs, beside a bare read of the same records (touches Kafka)."""

import time
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from models.user_state import UserState
from workers.rows import ItemRow
from workers.security import client_options
from workers.settings import Settings
from workers.stream.recovery import recover
from workers.stream.table import Table
from workers.topics import Topics

POLL_MS = 200


@dataclass(frozen=True, slots=True)
class RecoverySpeed:
    """Rows of both tables, the seconds until they are back, and those of reading their records and nothing else."""

    rows: int
    seconds: float
    reading_s: float


async def measure_recovery(settings: Settings) -> RecoverySpeed:
    """Both tables, one after the other, by the worker's own recovery."""
    topics = Topics(settings.topic_prefix)
    tables: list[tuple[Table[Any], int]] = [
        (Table(topics.user_state_changelog, UserState.unpack, UserState), settings.user_partitions),
        (Table(topics.item_state_changelog, ItemRow.unpack, ItemRow), settings.item_partitions),
    ]
    reading_s = sum([await _read(settings, table.changelog, partitions) for table, partitions in tables])
    began = time.perf_counter()
    for table, partitions in tables:
        table.partitions = await recover(
            client_options(settings), table, range(partitions), patience_s=settings.patience_s
        )
    return RecoverySpeed(sum(len(table) for table, _ in tables), time.perf_counter() - began, reading_s)


async def _read(settings: Settings, topic: str, partitions: int) -> float:
    """Seconds to read all of `topic`."""
    began = time.perf_counter()
    tps = [TopicPartition(topic, partition) for partition in range(partitions)]
    consumer = AIOKafkaConsumer(**client_options(settings), max_partition_fetch_bytes=4 << 20)
    await consumer.start()
    try:
        starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        filled = [tp for tp in tps if starts[tp] < ends[tp]]
        consumer.assign(filled)
        await consumer.seek_to_beginning(*filled)
        while behind := [tp for tp in filled if await consumer.position(tp) < ends[tp]]:
            await consumer.getmany(*behind, timeout_ms=POLL_MS)
    finally:
        await consumer.stop()
    return time.perf_counter() - began
