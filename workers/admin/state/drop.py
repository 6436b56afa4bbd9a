"""Takes one unreadable row away, so that its user or item starts from nothing (Kafka: writes a null value).

A row that can be read is never dropped: its watermarks would be gone, and events could count twice.
"""

from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from workers.admin.rebuild.run import group_admin, until_group_is_empty
from workers.admin.state.changelog import state_tables
from workers.errors import ConfigurationError
from workers.settings import Settings
from workers.stream.bounded_read import TopicReader, spoken, topic_reader, unreachable
from workers.stream.chunk import Record
from workers.stream.connect import connect, disconnect
from workers.stream.partitioning import partition_of
from workers.stream.security import client_options
from workers.stream.table import Table
from workers.topics import Topics


async def drop_row(settings: Settings, changelog: str, key: str | None, position: tuple[int, int] | None) -> str:
    """Write a null value for a key, or for that of the record at a place (partition, offset); what was done.

    Raises `ConfigurationError` while workers run, and for a row that is not there or can be read.
    """
    topic, table = _table(settings, changelog)
    async with group_admin(settings) as admin:
        await until_group_is_empty(admin, settings)
    async with topic_reader(client_options(settings)) as reader:
        partition, wanted = await _wanted(reader, settings, topic, key, position)
        newest = await _newest(reader, TopicPartition(topic, partition), wanted)
    if newest is None or newest.value is None:
        raise ConfigurationError(f"{topic}[{partition}] has no row of {wanted[:64]!r}: there is nothing to do")
    if _is_readable(table, newest):
        raise ConfigurationError(
            f"the row of {wanted[:64]!r} in {topic}[{partition}] can be read: it is kept, or events would count twice"
        )
    await _write_null(settings, topic, partition, wanted)
    return f"{topic}[{partition}]: the row of {wanted[:64]!r} is gone, it starts from nothing"


def _table(settings: Settings, changelog: str) -> tuple[str, Table[Any]]:
    tables: tuple[Table[Any], ...] = state_tables(settings)
    for table in tables:
        if changelog in (table.changelog, table.changelog.removeprefix(settings.topic_prefix)):
            return table.changelog, table
    known = ", ".join(table.changelog for table in tables)
    raise ConfigurationError(f"{changelog} is no changelog of state: name one of {known}")


async def _wanted(
    reader: TopicReader, settings: Settings, topic: str, key: str | None, position: tuple[int, int] | None
) -> tuple[int, bytes]:
    """Partition and key of the row that is meant."""
    if (key is None) == (position is None):
        raise ConfigurationError("name the row by its --key, or by the place --at partition:offset")
    if key is not None:
        users = topic == Topics(settings.topic_prefix).user_state_changelog
        return partition_of(key, settings.user_partitions if users else settings.item_partitions), key.encode()
    assert position is not None, "checked above"
    partition, offset = position
    tp = TopicPartition(topic, partition)
    first, end = (await reader.ranges(topic)).get(tp, (0, 0))
    if first <= offset < end:
        async for batch in spoken(reader, {tp: (offset, offset + 1)}):
            for record in batch:
                if record.key is not None:
                    return partition, record.key
    raise ConfigurationError(f"there is no record at {topic}[{partition}]@{offset}: see the worker's last message")


async def _newest(reader: TopicReader, tp: TopicPartition, key: bytes) -> Record | None:
    newest: Record | None = None
    async for batch in spoken(reader, {tp: (await reader.ranges(tp.topic))[tp]}):
        newest = next((record for record in reversed(batch) if record.key == key), newest)
    return newest


def _is_readable(table: Table[Any], record: Record) -> bool:
    """As a worker reads it: first in recovery, then when it is asked for."""
    rows = table.blank_partition()
    try:
        rows.load(record.key, record.value)
        for key in rows.keys():  # noqa: SIM118 - not a dict
            rows.get(key)
    except (ValueError, ConfigurationError):
        return False
    return True


async def _write_null(settings: Settings, topic: str, partition: int, key: bytes) -> None:
    options = client_options(settings)
    try:
        producer = await connect(lambda: AIOKafkaProducer(**options, acks="all"), patience_s=0)
        try:
            await producer.send_and_wait(topic, None, key=key, partition=partition)
        finally:
            await disconnect(producer)
    except (KafkaError, OSError) as error:
        raise unreachable(options, error) from error
