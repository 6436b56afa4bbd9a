"""`item-catalog` in memory: what clients and the worker publish, read back in chunks, compacted, folded again."""

from dataclasses import dataclass, field

import orjson
from aiokafka import TopicPartition

from tests.agents.dependencies import PARTITIONS, Sent, chunk_of_records, done, partition_for
from tests.stream.builders import record_at
from workers.agents import catalog
from workers.records.out import Headers
from workers.runtime.dependencies import Dependencies
from workers.stream.chunk import Record

TOPIC = "item-catalog"


@dataclass
class CatalogTopic:
    """Partitions of records; `read` is how far a worker has got in each."""

    log: list[list[Record]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    read: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def publish(
        self, partition: int, key: bytes | None, value: bytes | None, headers: Headers = (), offset: int | None = None
    ) -> Record:
        """Append a record."""
        log = self.log[partition]
        at = log[-1].offset + 1 if log else 0
        record = record_at(TopicPartition(TOPIC, partition), at if offset is None else offset, key, value, 0, headers)
        log.append(record)
        return record

    def item(self, item_id: str, *, misplaced: bool = False, **fields: object) -> Record:
        """A client publishes an item, at its place or in another partition."""
        body = orjson.dumps({"item_id": item_id, **fields})
        return self.publish(position_of(item_id, misplaced), item_id.encode(), body)

    def delete(self, item_id: str, *, misplaced: bool = False) -> Record:
        """A client deletes an item."""
        return self.publish(position_of(item_id, misplaced), item_id.encode(), None)

    async def fold(self, deps: Dependencies, sent: Sent, chunk_records: int = 100) -> None:
        """Read to the end, what the worker itself publishes included."""
        while unread := [p for p in range(PARTITIONS) if self.read[p] < len(self.log[p])]:
            for partition in unread:
                records = self.log[partition][self.read[partition] :][:chunk_records]
                self.read[partition] += len(records)
                await self.handle(deps, sent, *records)

    async def handle(self, deps: Dependencies, sent: Sent, *records: Record) -> None:
        """Hand these records to the agent, and put on the topic what it publishes there."""
        sent.batches.clear()
        chunk = chunk_of_records(*records)
        await catalog.handle(chunk, deps)
        await done(chunk)
        for (topic, partition), out in sent.batches:
            for record in out if topic == TOPIC else ():
                self.publish(partition, record.key, record.value, record.headers)

    def compacted(self) -> "CatalogTopic":
        """What Kafka may leave of it: the last record of each key, deletions for a while."""
        kept = CatalogTopic()
        for partition, log in enumerate(self.log):
            last = {record.key: record.offset for record in log}
            for record in log:
                if last[record.key] == record.offset:
                    kept.publish(partition, record.key, record.value, tuple(record.headers), record.offset)
        return kept


def position_of(item_id: str, misplaced: bool) -> int:
    """The item's partition, or the next one."""
    return (partition_for(item_id) + misplaced) % PARTITIONS


def entries(deps: Dependencies) -> dict[str, object]:
    """What the rows say of the catalog; None for a deleted item."""
    found: dict[str, object] = {}
    for rows in deps.items.entries.partitions.values():
        for item_id in list(rows.keys()):
            row = rows.get(item_id)
            if row is not None and row.catalog_offset >= 0:
                found[item_id] = row.catalog
    return found
