"""`item-transitions` → counts of items, in memory at once; their rows follow every few seconds.

Evidence, the order to take some back, and what an owner says to all who fold this log are our own records: bytes that
can't be read become a dead letter. The offset is committed after the snapshot of the rows is acknowledged.
"""

from typing import Protocol

import faust

from workers.dead_letters.letters import Letters
from workers.errors import BadRecordError
from workers.items.fold_counts import CountsFold
from workers.items.items import Items
from workers.items.room import CountsRoom
from workers.items.snapshots import Snapshots
from workers.metrics import Metrics
from workers.scheduling import Scheduler
from workers.stream.chunk import Chunk
from workers.stream.writer import Writer
from workers.topics import Topics


class TransitionsDependencies(Protocol):
    """What this agent uses of a worker."""

    topics: Topics
    metrics: Metrics
    scheduler: Scheduler
    items: Items
    snapshots: Snapshots
    counts_room: CountsRoom
    writer: Writer


async def handle(chunk: Chunk, deps: TransitionsDependencies) -> None:
    """Fold one chunk into its items' counts; `chunk` is finished once their rows are written."""
    letters = Letters("transitions")
    rows = deps.items.counts.partitions[chunk.tp.partition]
    async with rows.lock:
        fold = CountsFold(deps.items, rows)
        for record in chunk.records:
            try:
                control = fold.take(record)
            except BadRecordError as error:
                letters.add(record, error)
            else:
                deps.counts_room.note(chunk.tp.partition, control)
            await deps.scheduler.rest(chunk.tp.topic)
        deps.items.table.settle()
        for table, count in fold.dropped.items():
            deps.metrics.count_evictions(table, count)
        await letters.send(deps.writer, deps.topics.dead_letters, deps.metrics)
        deps.snapshots.add(chunk)
    await deps.counts_room.make(chunk.tp.partition)


def attach(app: faust.App, channel: faust.ChannelT[Chunk], deps: TransitionsDependencies) -> None:
    """Run `handle` as a Faust agent over the chunks of `item-transitions`."""

    @app.agent(channel, name="transitions")
    async def transitions(chunks: faust.StreamT[Chunk]) -> None:
        async for chunk in chunks:
            if chunk.begin():
                await handle(chunk, deps)
