"""`item-transitions` → item state, and the item's point in the index.

Evidence, and the order to take some back, are our own records: bytes that can't be read become a dead letter.
The offset is committed only after the patch that shows the evidence in answers is acknowledged by the index.
"""

from typing import Protocol

import faust

from models.state.evidence import Evidence, Retraction, is_retraction
from workers.dead_letters.letters import Letters
from workers.errors import BadRecordError
from workers.indexing.writer import IndexWriter
from workers.items.eviction import make_room_for_items
from workers.items.rows import ItemRow
from workers.metrics import Metrics
from workers.records.codes import Reason
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.chunk import Chunk, Record
from workers.stream.table import Table
from workers.stream.writer import Writer
from workers.topics import Topics


class TransitionsDependencies(Protocol):
    """What this agent uses of a worker."""

    settings: Settings
    topics: Topics
    metrics: Metrics
    scheduler: Scheduler
    items: Table[ItemRow]
    index_writer: IndexWriter
    writer: Writer


async def handle(chunk: Chunk, deps: TransitionsDependencies) -> None:
    """Fold one chunk into its items' rows; `chunk` is finished once the index shows them."""
    await make_room_for_items(deps)
    partition = chunk.tp.partition
    letters = Letters("transitions")
    rows = deps.items.partitions[partition]
    async with rows.lock:
        touched: dict[str, None] = {}
        taken_back: dict[str, None] = {}
        for record in chunk.records:
            try:
                decoded = _decoded(record)
            except BadRecordError as error:
                letters.add(record, error)
            else:
                touched[decoded.item_id] = None
                if rows.evicted.covers(decoded.item_id, decoded.origin):
                    continue
                row = rows.change(decoded.item_id)
                if isinstance(decoded, Retraction):
                    row.retract(decoded)
                    taken_back[decoded.item_id] = None
                else:
                    row.learn(decoded)
            await deps.scheduler.rest(chunk.tp.topic)
        await letters.send(deps.writer, deps.topics.dead_letters, deps.metrics)
        await deps.writer.send(deps.items.changelog, partition, rows.take_changes())
    # A patch leaves out what an item does not have: where some was taken back, the whole item is written.
    deps.index_writer.push(partition, taken_back, whole=True, chunk=None)
    deps.index_writer.push(partition, touched, whole=False, chunk=chunk)


def attach(app: faust.App, channel: faust.ChannelT[Chunk], deps: TransitionsDependencies) -> None:
    """Run `handle` as a Faust agent over the chunks of `item-transitions`."""

    @app.agent(channel, name="transitions")
    async def transitions(chunks: faust.StreamT[Chunk]) -> None:
        async for chunk in chunks:
            if chunk.begin():
                await handle(chunk, deps)


def _decoded(record: Record) -> Evidence | Retraction:
    value = record.value or b""
    try:
        return Retraction.unpack(value) if is_retraction(value) else Evidence.unpack(value)
    except ValueError as error:
        raise BadRecordError(Reason.INVALID_EVIDENCE, f"evidence is unreadable: {error}") from error
