"""`item-transitions` → item state, and the item's point in the index.

Evidence is our own record: bytes that can't be read become a dead letter. The offset is committed only
after the patch that shows the evidence in answers is acknowledged by the index.
"""

import faust

from models.evidence import Evidence
from workers.agents.letters import Letters
from workers.errors import BadRecordError
from workers.parts import Parts
from workers.records.codes import Reason
from workers.rows import ItemRow
from workers.stream.chunk import Chunk, Record


async def handle(chunk: Chunk, parts: Parts) -> None:
    """Fold one chunk into its items' rows; `chunk` is finished once the index shows them."""
    partition = chunk.tp.partition
    letters = Letters("transitions")
    rows = parts.items.partitions[partition]
    async with rows.lock:
        touched: dict[str, ItemRow] = {}
        for record in chunk.records:
            try:
                evidence = _evidence(record)
            except BadRecordError as error:
                letters.add(record, error)
            else:
                row = touched[evidence.item_id] = rows.change(evidence.item_id)
                row.learn(evidence)
            await parts.turns.rest()
        await letters.send(parts.writer, parts.topics.dead_letters, parts.metrics)
        await parts.writer.send(parts.items.changelog, partition, rows.take_changes())
    parts.index_writer.push(partition, touched, whole=False, chunk=chunk)


def attach(app: faust.App, channel: faust.ChannelT[Chunk], parts: Parts) -> None:
    """Run `handle` as a Faust agent over the chunks of `item-transitions`."""

    @app.agent(channel, name="transitions")
    async def transitions(chunks: faust.StreamT[Chunk]) -> None:
        async for chunk in chunks:
            if chunk.begin():
                await handle(chunk, parts)


def _evidence(record: Record) -> Evidence:
    try:
        return Evidence.unpack(record.value or b"")
    except ValueError as error:
        raise BadRecordError(Reason.INVALID_EVIDENCE, f"evidence is unreadable: {error}") from error
