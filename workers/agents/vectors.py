"""`item-vectors` → item state, and the item's point in the index.

The records are our own (`tastestream retrain`); one that can't be used becomes a dead letter. The offset is committed
only after the index has the vector: who activates a version waits for that.
"""

from typing import Protocol

import faust

from workers.dead_letters.letters import Letters
from workers.errors import BadRecordError
from workers.indexing.writer import IndexWriter
from workers.items.items import Items
from workers.items.slots import VectorRecord, vector_record
from workers.metrics import Metrics
from workers.records.codes import Reason
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.chunk import Chunk, Record
from workers.stream.partitioning import partition_of
from workers.stream.writer import Writer
from workers.topics import Topics


class VectorsDependencies(Protocol):
    """What this agent uses of a worker."""

    settings: Settings
    topics: Topics
    metrics: Metrics
    scheduler: Scheduler
    items: Items
    index_writer: IndexWriter
    writer: Writer


async def handle(chunk: Chunk, deps: VectorsDependencies) -> None:
    """Take one chunk of vectors; `chunk` is finished once the index has them."""
    partition = chunk.tp.partition
    letters = Letters("vectors")
    rows = deps.items.entries.partitions[partition]
    async with rows.lock:
        touched: dict[str, None] = {}
        for record in chunk.records:
            if record.value is None:
                continue  # a tombstone clears the topic of its key; items keep their vectors
            try:
                decoded = _decoded(record, deps)
            except BadRecordError as error:
                letters.add(record, error)
            else:
                rows.change(decoded.item_id).slots.take(decoded)
                touched[decoded.item_id] = None
            await deps.scheduler.rest()
        await letters.send(deps.writer, deps.topics.dead_letters, deps.metrics)
        await deps.writer.send(deps.items.entries.changelog, partition, rows.take_changes())
    # Repeated ones too: a worker that was killed may have written the row, and not the index.
    deps.index_writer.push(touched, chunk)


def attach(app: faust.App, channel: faust.ChannelT[Chunk], deps: VectorsDependencies) -> None:
    """Run `handle` as a Faust agent over the chunks of `item-vectors`."""

    @app.agent(channel, name="vectors")
    async def vectors(chunks: faust.StreamT[Chunk]) -> None:
        async for chunk in chunks:
            if chunk.begin():
                await handle(chunk, deps)


def _decoded(record: Record, deps: VectorsDependencies) -> VectorRecord:
    decoded = vector_record(record.key, record.value, deps.settings.collaborative_dim)
    owner = partition_of(decoded.item_id, deps.settings.item_partitions)
    if owner != record.partition:
        raise BadRecordError(
            Reason.WRONG_PARTITION,
            f"item {decoded.item_id!r} belongs to partition {owner}: publish vectors with `tastestream retrain`",
        )
    return decoded
