"""Reads changelog partitions from their start to their end into table partitions (I/O)."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from workers.errors import ConfigurationError
from workers.stream.chunk import Record
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import log_reader
from workers.stream.table import Table, TablePartition, healed_by, unreadable

log = logging.getLogger(__name__)

POLL_MS = 200
# Keys without a row of ours that are read past, because a later record may heal each; beyond, as with rows of another
# version, they are not healed one by one.
MOST_MALFORMED = 1_000


def refuse(partition: int, problem: str) -> None:
    """What a record that is no row of ours means to who is to own its partition."""
    raise ConfigurationError(problem)


async def recover(
    options: ClientOptions,
    table: Table[Any],
    partitions: Iterable[int],
    *,
    patience_s: float,
    on_malformed: Callable[[int, str], None] = refuse,
) -> dict[int, TablePartition[Any]]:
    """Rows of `partitions` of `table` as the changelog holds them now.

    For who owns them: the previous writer of the changelog has been drained or expelled from the group by then, so the
    end that is read first is the end. `on_malformed` is told of each record that is no row of ours, with its partition.
    """
    rows = {p: table.blank_partition() for p in partitions}
    if not rows:
        return rows
    started = time.monotonic()
    consumer = await connect(
        # All that is in the log: a transaction left open there must not hide rows of ours.
        lambda: log_reader(options, max_partition_fetch_bytes=4 << 20),
        patience_s=patience_s,
    )
    try:
        tps = {TopicPartition(table.changelog, p): r for p, r in rows.items()}
        records = await _read_to_end(consumer, tps, on_malformed)
    finally:
        await disconnect(consumer)
    log.info(
        "recovered %d rows of %s (%d partitions, %d records) in %.2f s",
        sum(len(partition) for partition in rows.values()),
        table.changelog,
        len(rows),
        records,
        time.monotonic() - started,
    )
    return rows


async def _read_to_end(
    consumer: AIOKafkaConsumer,
    rows: dict[TopicPartition, TablePartition[Any]],
    on_malformed: Callable[[int, str], None],
) -> int:
    starts, ends = await consumer.beginning_offsets(list(rows)), await consumer.end_offsets(list(rows))
    for tp, end in ends.items():
        rows[tp].read_to = end
    filled = [tp for tp in rows if starts[tp] < ends[tp]]
    consumer.assign(filled)
    for tp in filled:
        consumer.seek(tp, starts[tp])
    records = 0
    malformed: dict[tuple[TopicPartition, bytes | None], str] = {}
    while behind := [tp for tp in filled if await consumer.position(tp) < ends[tp]]:
        for tp, batch in (await consumer.getmany(*behind, timeout_ms=POLL_MS)).items():
            records += len(batch)
            for record in batch:
                malformed.pop((tp, record.key), None)  # the last record of a key counts: a tombstone heals it
                try:
                    rows[tp].load(record.key, record.value)
                except (ValueError, ConfigurationError) as error:
                    malformed[tp, record.key] = _problem(record, error)
        if len(malformed) > MOST_MALFORMED:
            break
    for (tp, _), problem in malformed.items():
        on_malformed(tp.partition, problem)
    return records


def _problem(record: Record, error: ValueError | ConfigurationError) -> str:
    healing = healed_by(record.topic, position=f"{record.partition}:{record.offset}")
    if isinstance(error, ConfigurationError):
        return f"{error}; if another program wrote this one row, {healing}"
    which = f"record of {(record.key or b'')[:64]!r} at {record.topic}[{record.partition}]@{record.offset}"
    return unreadable(which, error, healing)
