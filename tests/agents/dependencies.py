"""A worker's dependencies without Kafka: memory index, and a writer that remembers what it was given."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import TopicPartition

from tests.stream.builders import record_at
from tests.waiting import until
from workers.errors import DependencyError
from workers.records.out import Headers, OutRecord
from workers.runtime.build_dependencies import build_dependencies
from workers.runtime.dependencies import Dependencies
from workers.settings import Settings
from workers.stream.chunk import Chunk, Record
from workers.stream.partitioning import partition_of
from workers.stream.table import Table
from workers.stream.writer import Target, Writer

PARTITIONS = 2
DIM = 16
NOW_MS = 1_714_564_800_000


class Sent(Writer):
    """Acknowledges at once what it is given, or refuses the topic named in `refuses`."""

    def __init__(self) -> None:
        super().__init__({}, owner="test", patience_s=1.0)
        self.batches: list[tuple[Target, list[OutRecord]]] = []
        self.refuses = ""

    async def send_all(self, batches: Mapping[Target, Iterable[OutRecord]]) -> None:
        for target, records in batches.items():
            if target[0] == self.refuses:
                raise DependencyError(f"{target[0]} is away")
            self.batches.append((target, list(records)))

    def to(self, topic: str) -> list[OutRecord]:
        """All records sent to a topic, in order."""
        return [record for (name, _), records in self.batches if name == topic for record in records]

    def order(self) -> list[str]:
        """Topics in the order in which something was sent to them."""
        return list(dict.fromkeys(name for (name, _), records in self.batches if records))


@asynccontextmanager
async def running_deps(**settings: Any) -> AsyncIterator[tuple[Dependencies, Sent]]:
    """Dependencies that own every partition, with their index writer at work."""
    chosen: dict[str, Any] = {
        "user_partitions": PARTITIONS,
        "item_partitions": PARTITIONS,
        "vector_dim": DIM,
    }
    sent = Sent()
    deps = build_dependencies(Settings(index_kind="memory", **{**chosen, **settings}), {}, sent)
    tables: tuple[Table[Any], ...] = (deps.users, deps.items.entries, deps.items.counts)
    for table in tables:
        table.partitions = {partition: table.blank_partition() for partition in range(PARTITIONS)}
    await deps.index.ensure(deps.points.schema)
    await deps.index_writer.start()
    await deps.snapshots.start()
    try:
        yield deps, sent
    finally:
        await deps.snapshots.stop()
        await deps.index_writer.stop()


def partition_for(key: str) -> int:
    return partition_of(key, PARTITIONS)


def json_record(topic: str, offset: int, key: str, body: dict[str, Any] | None, headers: Headers = ()) -> Record:
    """A record in the partition where its key belongs."""
    value = None if body is None else orjson.dumps(body)
    return record_at(TopicPartition(topic, partition_for(key)), offset, key.encode(), value, NOW_MS, headers)


def chunk_of_records(*records: Record) -> Chunk:
    """Records of one partition, as an agent gets them."""
    [tp] = {TopicPartition(record.topic, record.partition) for record in records}
    return Chunk(tp, records, on_finish=lambda _: None)


async def done(chunk: Chunk) -> None:
    """Wait until all effects of the chunk are acknowledged."""
    await until(lambda: chunk.done)
