"""How fast state comes back from its changelogs, beside a bare read of the same records (touches Kafka).

A changelog holds each version of a row until Kafka has compacted it: right after a fast ingest that is many.
What a restart meets later is measured on compacted copies.
"""

import time
from dataclasses import dataclass
from typing import Any

from load.client.kafka import ensure_own_topics
from load.client.reading import read_through
from workers.admin.state.changelog import state_tables
from workers.items.items import Items
from workers.items.points import ItemPoints
from workers.records.out import OutRecord
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.recovery import recover
from workers.stream.security import client_options
from workers.stream.table import Table
from workers.stream.writer import Writer
from workers.topics import Topics

COMPACTED = "compacted-"
# Each item of MovieLens' small data set under so many keys: 200,000 rows, which take about two seconds.
COPIES = 10


@dataclass(frozen=True, slots=True)
class RecoverySpeed:
    """Rows of all tables, the seconds until they are back, and those of reading their records and nothing else.

    `compacted_rows`, `compacted_s`: the same of items' changelogs that hold each row once.
    """

    rows: int
    seconds: float
    reading_s: float
    compacted_rows: int
    compacted_s: float


async def measure_recovery(settings: Settings) -> RecoverySpeed:
    """All tables, one after the other, by the worker's own recovery; items enter their item table."""
    topics = Topics(settings.topic_prefix)
    users = state_tables(settings).users
    items = _items(settings, topics.item_state_changelog, topics.item_counts_changelog)
    changelogs = [users.changelog, items.entries.changelog, items.counts.changelog]
    reading_s = (await read_through(client_options(settings), changelogs)).seconds
    seconds = await _recover(settings, users, settings.user_partitions) + await _recover_items(settings, items)
    copy = _items(settings, COMPACTED + items.entries.changelog, COMPACTED + items.counts.changelog)
    await _write_copies(settings, items.entries, copy.entries)
    await _write_copies(settings, items.counts, copy.counts)
    compacted_s = await _recover_items(settings, copy)
    rows = len(users) + len(items.entries) + len(items.counts)
    return RecoverySpeed(rows, seconds, reading_s, len(copy.entries) + len(copy.counts), compacted_s)


def _items(settings: Settings, entries: str, counts: str) -> Items:
    embed = ItemPoints(settings.vector_dim, settings.collaborative_dim).embed
    return Items(entries, counts, settings.vector_dim, embed, settings.item_partitions, Scheduler())


async def _recover_items(settings: Settings, items: Items) -> float:
    seconds = [await _recover(settings, table, settings.item_partitions) for table in (items.entries, items.counts)]
    began = time.perf_counter()
    await items.owned()
    return sum(seconds) + time.perf_counter() - began


async def _recover(settings: Settings, table: Table[Any], partitions: int) -> float:
    """Seconds until all of `table` is back."""
    began = time.perf_counter()
    table.partitions = await recover(client_options(settings), table, range(partitions), patience_s=settings.patience_s)
    return time.perf_counter() - began


async def _write_copies(settings: Settings, table: Table[Any], copy: Table[Any]) -> None:
    """The rows of `table` under `COPIES` keys each, as a changelog that Kafka has compacted."""
    await ensure_own_topics(client_options(settings), [copy.changelog], len(table.partitions))
    writer = Writer(client_options(settings), owner=settings.app_id, patience_s=settings.patience_s)
    await writer.start()
    try:
        for partition, rows in table.partitions.items():
            packed = [(key, row.pack()) for key in rows.keys() if (row := rows.peek(key))]  # noqa: SIM118 - not a dict
            for number in range(COPIES):
                await writer.send(
                    copy.changelog, partition, [OutRecord(b"%d/%s" % (number, k.encode()), v) for k, v in packed]
                )
    finally:
        await writer.stop()
