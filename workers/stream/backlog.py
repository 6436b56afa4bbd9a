"""How far a group is behind, seen from outside (Kafka, read only)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from workers.stream.connect import ClientOptions
from workers.stream.consumers import committed_reader
from workers.stream.group_members import group_members

PROBE_MS = 500


class Backlog:
    """What a group has not committed yet; made by `open_backlog`."""

    def __init__(self, group: str, admin: Any, consumer: AIOKafkaConsumer) -> None:
        self._group = group
        self._admin = admin
        self._consumer = consumer
        self._before: dict[TopicPartition, int] = {}

    async def ends(self, topic: str, partitions: int) -> dict[TopicPartition, int]:
        """Offset after the last record, of the partitions that hold any."""
        tps = [TopicPartition(topic, partition) for partition in range(partitions)]
        starts, ends = await self._consumer.beginning_offsets(tps), await self._consumer.end_offsets(tps)
        return {tp: ends[tp] for tp in tps if starts[tp] < ends[tp]}

    async def members(self) -> list[str]:
        """Client and host of each worker of the group."""
        return await group_members(self._admin, self._group)

    async def left(self, ends: Mapping[TopicPartition, int]) -> int:
        """Offsets below `ends` that are not committed, 0 when no record is among them.

        Marks of transactions and what compaction took leave offsets without a record, which no consumer commits.
        """
        found = await self._admin.list_consumer_group_offsets(self._group, partitions=list(ends))
        committed = {tp: max(0, found[tp].offset) if tp in found else 0 for tp in ends}
        behind = {tp: end - committed[tp] for tp, end in ends.items() if committed[tp] < end}
        stuck = [tp for tp in behind if self._before.get(tp) == committed[tp]]
        self._before |= committed
        for tp in stuck:
            if await self._nothing_between(tp, committed[tp], ends[tp]):
                del behind[tp]
        return sum(behind.values())

    async def _nothing_between(self, tp: TopicPartition, start: int, end: int) -> bool:
        self._consumer.assign([tp])
        self._consumer.seek(tp, start)
        records = await self._consumer.getmany(tp, timeout_ms=PROBE_MS, max_records=1)
        return not records and await self._consumer.position(tp) >= end


@asynccontextmanager
async def open_backlog(options: ClientOptions, group: str) -> AsyncIterator[Backlog]:
    """Observe a group for a while, without becoming a member."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        async with committed_reader(options) as consumer:
            yield Backlog(group, admin, consumer)
    finally:
        await admin.close()
