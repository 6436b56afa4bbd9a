"""`item-catalog` → item state, and the item's point in the index: searchable at once, gone at once.

A record that is not where its item belongs is forwarded to that place, and an item whose last record does not
say all of it is restated, both on the same topic (`workers/items/catalog_log.py`). A record that can't be used becomes
a dead letter. The offset is committed only after the index has acknowledged the point or its deletion.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Protocol

import faust
import orjson

from workers.dead_letters.letters import Letters
from workers.dead_letters.origin import origin_of
from workers.errors import BadRecordError
from workers.indexing.writer import IndexWriter
from workers.items.catalog_log import Stated, first_place, forwarded, restated, stated_of
from workers.items.eviction import make_room_for_entries
from workers.items.items import Items
from workers.items.points import ItemPoints
from workers.items.rows import CATALOG_ORIGIN, FORWARDED_ORIGIN, ItemRow
from workers.metrics import Metrics
from workers.records.codes import Reason
from workers.records.item import ItemDeleted, entry_of, plain_entry
from workers.records.item_update import ItemEvent, ItemUpdate, decode_item_event
from workers.records.mapping import AS_THEY_ARE, Mappings
from workers.records.out import OutRecord
from workers.records.wire import key_text
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.chunk import Chunk, Record
from workers.stream.partitioning import partition_of
from workers.stream.table import TablePartition
from workers.stream.writer import Target, Writer
from workers.topics import Topics

Rows = TablePartition[ItemRow]

WHOLE, CHANGED, DELETED, REPEATED = "whole", "changed", "deleted", "repeated"
REROUTED, RESTATED = "rerouted", "restated"


class CatalogDependencies(Protocol):
    """What this agent uses of a worker."""

    settings: Settings
    topics: Topics
    mappings: Mappings
    metrics: Metrics
    scheduler: Scheduler
    items: Items
    points: ItemPoints
    index_writer: IndexWriter
    writer: Writer


@dataclass(slots=True)
class Effects:
    """What one chunk does; `settled`: whether the last record of a key says all that its item's row knows."""

    records: dict[Target, list[OutRecord]] = field(default_factory=lambda: defaultdict(list))
    letters: Letters = field(default_factory=lambda: Letters("catalog"))
    outcomes: Counter[str] = field(default_factory=Counter)
    touched: dict[str, None] = field(default_factory=dict)
    settled: dict[bytes | None, bool] = field(default_factory=dict)


async def handle(chunk: Chunk, deps: CatalogDependencies) -> None:
    """Take one chunk of items; `chunk` is finished once the index shows them."""
    await make_room_for_entries(deps)
    partition = chunk.tp.partition
    effects = Effects()
    rows = deps.items.entries.partitions[partition]
    async with rows.lock:
        for record in chunk.records:
            effects.settled[record.key] = _take(record, rows, effects, deps)
            await deps.scheduler.rest(chunk.tp.topic)
        _restate(rows, effects, (chunk.tp.topic, partition))
        await deps.writer.send_all(effects.records)
        await effects.letters.send(deps.writer, deps.topics.dead_letters, deps.metrics)
        await deps.writer.send(deps.items.entries.changelog, partition, rows.take_changes())
    for outcome, count in effects.outcomes.items():
        deps.metrics.count_catalog_records(outcome, count)
    deps.index_writer.push(effects.touched, chunk)


def attach(app: faust.App, channel: faust.ChannelT[Chunk], deps: CatalogDependencies) -> None:
    """Run `handle` as a Faust agent over the chunks of `item-catalog`."""

    @app.agent(channel, name="catalog")
    async def catalog(chunks: faust.StreamT[Chunk]) -> None:
        async for chunk in chunks:
            if chunk.begin():
                await handle(chunk, deps)


def _take(record: Record, rows: Rows, effects: Effects, deps: CatalogDependencies) -> bool:
    """Take one record; whether it says all that the row of its key's item knows then."""
    partitions = deps.settings.item_partitions
    stated = stated_of(record, partitions)
    try:
        item = decode_item_event(
            record.value, record.key, record.headers, AS_THEY_ARE if stated else deps.mappings.item
        )
        owner = partition_of(item.item_id, partitions)
        if owner == record.partition and record.key == item.item_id.encode():
            return _tell_row(item, record, stated, rows, effects, deps)
        effects.records[record.topic, owner].append(forwarded(record, item.item_id))
        effects.outcomes[REROUTED] += 1
    except BadRecordError as error:
        effects.letters.add(record, error)
    return False


def _tell_row(
    item: ItemEvent, record: Record, stated: Stated | None, rows: Rows, effects: Effects, deps: CatalogDependencies
) -> bool:
    """As `_take`, for a record that is where its item belongs; raises `BadRecordError` if it can't be taken."""
    known = rows.get(item.item_id)
    if stated is not None and known is not None and stated.is_all_of(known):
        return True
    position = first_place(record, deps.settings.item_partitions)
    if _was_evicted(item.item_id, record, position, rows):
        effects.touched[item.item_id] = None
        effects.outcomes[REPEATED] += 1
        return known is None or record.offset <= known.catalog_offset
    is_new = stated is not None or known is None or not known.has_taken(record.offset, position)
    try:
        entry = _entry(item, record, known, deps) if is_new else None
    except BadRecordError:
        if position is not None and known is not None and known.catalog_offset >= 0:
            # Forwarded again, it is not to be judged again: a rebuild may meet another state of the item.
            rows.change(item.item_id).forwarded.advance(position)
        raise
    row = rows.change(item.item_id)
    effects.touched[item.item_id] = None
    if not is_new:
        effects.outcomes[REPEATED] += 1
        return record.offset <= row.catalog_offset  # what came later is restated if it needs to be
    if stated is not None:
        row.restate(entry, stated.offset, stated.forwarded)
        deps.items.described(item.item_id, row)
        return stated.is_all_of(row)
    row.describe(entry, record.offset, position)
    deps.items.described(item.item_id, row)
    effects.outcomes[_outcome(item)] += 1
    return not isinstance(item, ItemUpdate) and len(row.forwarded) == (position is not None)


def _was_evicted(item_id: str, record: Record, position: tuple[int, int] | None, rows: Rows) -> bool:
    """Whether the row that took this record was dropped since."""
    marks = [(CATALOG_ORIGIN, record.offset)]
    if position is not None:
        marks.append((FORWARDED_ORIGIN + position[0], position[1]))
    return any(rows.evicted.covers(item_id, mark) for mark in marks)


def _outcome(item: ItemEvent) -> str:
    if isinstance(item, ItemUpdate):
        return CHANGED
    return DELETED if isinstance(item, ItemDeleted) else WHOLE


def _entry(item: ItemEvent, record: Record, row: ItemRow | None, deps: CatalogDependencies) -> bytes | None:
    """What the catalog says of the item from now on, None once it is deleted; raises `BadRecordError`."""
    if row is not None:
        _check_replay(record, item.item_id, row)
    if isinstance(item, ItemDeleted):
        return None
    if not isinstance(item, ItemUpdate):
        entry = entry_of(item)
    elif row is not None and row.is_deleted:
        raise BadRecordError(
            Reason.DELETED_ITEM,
            f"item {item.item_id!r} is deleted, and a change of some fields does not bring it back: "
            "publish the whole item",
        )
    else:
        entry = plain_entry(item.applied_to({} if row is None else row.entry()))
    deps.points.check(item.item_id, entry)
    return bytes(memoryview(orjson.dumps(entry)))  # a copy: the original keeps a buffer of 4 KB for as long as the row


def _restate(rows: Rows, effects: Effects, target: Target) -> None:
    """Say all of each item again whose last record does not: it may be the only one that Kafka keeps."""
    for key, settled in effects.settled.items():
        item_id = None if settled else key_text(key)
        row = None if item_id is None else rows.get(item_id)
        if item_id is not None and row is not None and row.catalog_offset >= 0:
            effects.records[target].append(restated(item_id, row))
            effects.outcomes[RESTATED] += 1


def _check_replay(record: Record, item_id: str, row: ItemRow) -> None:
    """A replayed letter must not undo what was published after it was refused."""
    origin = origin_of(record.headers)
    if origin is None or (origin.topic, origin.partition) != (record.topic, record.partition):
        return
    if origin.offset < row.catalog_offset < record.offset:
        raise BadRecordError(
            Reason.OUTDATED,
            f"item {item_id!r}: offset {row.catalog_offset} is newer than this replay of offset {origin.offset}: "
            "publish the item again if the older record is the right one",
        )
