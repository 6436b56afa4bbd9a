"""How fast tables come back from their changelogs, beside a bare read of the same records (touches Kafka).

A changelog holds each version of a row until Kafka has compacted it: right after a fast ingest that is many.
What a restart meets later is measured on a compacted copy.
"""

import time
from dataclasses import dataclass
from typing import Any

from load.client.kafka import ensure_own_topics
from load.client.reading import read_through
from models.state.user_state import UserState
from workers.items.rows import ItemRow
from workers.records.out import OutRecord
from workers.settings import Settings
from workers.stream.recovery import recover
from workers.stream.security import client_options
from workers.stream.table import Table
from workers.stream.writer import Writer
from workers.topics import Topics

COMPACTED = "compacted-state-changelog"
# Each row of MovieLens' small data set under so many keys: 100,000 rows, which take about a second.
COPIES = 10


@dataclass(frozen=True, slots=True)
class RecoverySpeed:
    """Rows of both tables, the seconds until they are back, and those of reading their records and nothing else.

    `compacted_rows`, `compacted_s`: the same of a changelog that holds each row once.
    """

    rows: int
    seconds: float
    reading_s: float
    compacted_rows: int
    compacted_s: float


async def measure_recovery(settings: Settings) -> RecoverySpeed:
    """Both tables, one after the other, by the worker's own recovery."""
    topics = Topics(settings.topic_prefix)
    tables: list[tuple[Table[Any], int]] = [
        (Table(topics.user_state_changelog, UserState.unpack, UserState), settings.user_partitions),
        (Table(topics.item_state_changelog, ItemRow.unpack, ItemRow), settings.item_partitions),
    ]
    reading_s = (await read_through(client_options(settings), [table.changelog for table, _ in tables])).seconds
    seconds = sum([await _recover(settings, table, partitions) for table, partitions in tables])
    items, partitions = tables[1]
    copy: Table[Any] = Table(COMPACTED, ItemRow.unpack, ItemRow)
    await _write_copies(settings, items, partitions)
    compacted_s = await _recover(settings, copy, partitions)
    return RecoverySpeed(sum(len(table) for table, _ in tables), seconds, reading_s, len(copy), compacted_s)


async def _recover(settings: Settings, table: Table[Any], partitions: int) -> float:
    """Seconds until all of `table` is back."""
    began = time.perf_counter()
    table.partitions = await recover(client_options(settings), table, range(partitions), patience_s=settings.patience_s)
    return time.perf_counter() - began


async def _write_copies(settings: Settings, table: Table[Any], partitions: int) -> None:
    """The rows of `table` under `COPIES` keys each, as a changelog that Kafka has compacted."""
    await ensure_own_topics(client_options(settings), [COMPACTED], partitions)
    writer = Writer(client_options(settings), owner=settings.app_id, patience_s=settings.patience_s)
    await writer.start()
    try:
        for partition, rows in table.partitions.items():
            packed = [(key, row.pack()) for key in rows.keys() if (row := rows.peek(key))]  # noqa: SIM118 - not a dict
            for number in range(COPIES):
                await writer.send(
                    COMPACTED, partition, [OutRecord(b"%d/%s" % (number, k.encode()), v) for k, v in packed]
                )
    finally:
        await writer.stop()
