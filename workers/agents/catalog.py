"""`item-catalog` → item state, and the item's point in the index: searchable at once, gone at once.

A record that can't be used becomes a dead letter. The offset is committed only after the index has
acknowledged the point or its deletion.
"""

import faust

from workers.agents.letters import Letters
from workers.errors import BadRecordError
from workers.item_points import catalog_bytes
from workers.origin import origin_of
from workers.partitioning import partition_of
from workers.parts import Parts
from workers.records.codes import Reason
from workers.records.item import Item, ItemDeleted, decode_item
from workers.rows import ItemRow
from workers.stream.chunk import Chunk, Record


async def handle(chunk: Chunk, parts: Parts) -> None:
    """Take one chunk of items; `chunk` is finished once the index shows them."""
    partition = chunk.tp.partition
    letters = Letters("catalog")
    rows = parts.items.partitions[partition]
    async with rows.lock:
        touched: dict[str, ItemRow] = {}
        for record in chunk.records:
            try:
                item = _item(record, parts)
                _check_replay(record, item.item_id, rows.get(item.item_id))
            except BadRecordError as error:
                letters.add(record, error)
            else:
                row = touched[item.item_id] = rows.change(item.item_id)
                row.describe(None if isinstance(item, ItemDeleted) else catalog_bytes(item), record.offset)
            await parts.turns.rest()
        await letters.send(parts.writer, parts.topics.dead_letters, parts.metrics)
        await parts.writer.send(parts.items.changelog, partition, rows.take_changes())
    parts.index_writer.push(partition, touched, whole=True, chunk=chunk)


def attach(app: faust.App, channel: faust.ChannelT[Chunk], parts: Parts) -> None:
    """Run `handle` as a Faust agent over the chunks of `item-catalog`."""

    @app.agent(channel, name="catalog")
    async def catalog(chunks: faust.StreamT[Chunk]) -> None:
        async for chunk in chunks:
            if chunk.begin():
                await handle(chunk, parts)


def _item(record: Record, parts: Parts) -> Item | ItemDeleted:
    item = decode_item(record.value, record.key, record.headers, parts.mappings.item)
    if isinstance(item, Item):
        parts.points.check(item)
    expected = partition_of(item.item_id, parts.settings.item_partitions)
    if record.partition != expected:
        raise BadRecordError(
            Reason.WRONG_PARTITION,
            f"item {item.item_id!r} is in partition {record.partition}, expected {expected}: use the item's id "
            "as the key and the murmur2 partitioner (librdkafka: partitioner=murmur2_random)",
        )
    return item


def _check_replay(record: Record, item_id: str, row: ItemRow | None) -> None:
    """A replayed letter must not undo what was published after it was refused."""
    origin = origin_of(record.headers)
    if origin is None or row is None or (origin.topic, origin.partition) != (record.topic, record.partition):
        return
    if origin.offset < row.catalog_offset < record.offset:
        raise BadRecordError(
            Reason.OUTDATED,
            f"item {item_id!r}: offset {row.catalog_offset} is newer than this replay of offset {origin.offset}: "
            "publish the item again if the older record is the right one",
        )
