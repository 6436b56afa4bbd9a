"""Makes state empty, so that the log is folded again (Kafka: offsets, derived topics; the index's folder).

Steps, in an order that makes a crash between any two harmless, even if a worker is started then:
1. the group has no members: no worker folds meanwhile;
2. its offsets go back to where the replay begins: a worker would read records again that its rows skip;
3. the index is emptied: a worker's audit would fill it again from the rows;
4. changelogs, evidence and forwarded records go in one request: a worker would start from nothing, as intended;
5. they are created again, and a changelog that does not hold all of the log says so in its note.
Evidence and forwarded records must go with the rows: their places in the log are what rows skip them by, and
the replay writes them again at other places.
"""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code

from workers.errors import ConfigurationError, DependencyError
from workers.messages.plurals import counted
from workers.messages.waiting import plain
from workers.runtime.run import prepare_topics
from workers.settings import Settings
from workers.stream.connect import ClientOptions
from workers.stream.consumers import committed_reader
from workers.stream.group_members import group_members
from workers.stream.security import client_options
from workers.stream.table import NOTE_KEY
from workers.topics import Topics

log = logging.getLogger(__name__)

# A killed worker stays in its group for its session; a little more for the group to notice.
BEYOND_SESSION_S = 3.0
POLL_EVERY_S = 0.2
GONE_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rebuild will do; offsets by partition of every topic that the group reads."""

    group: str
    offsets: Mapping[TopicPartition, int]
    derived: Mapping[str, int]
    index: Path | None
    note: str

    def lines(self) -> list[str]:
        """For people, before they say yes."""
        replayed: dict[str, int] = {}
        for tp, offset in self.offsets.items():
            replayed[tp.topic] = replayed.get(tp.topic, 0) + offset
        return [
            *(
                f"delete and create again: {name} ({counted(records, 'record')})"
                for name, records in self.derived.items()
            ),
            f"empty the index: {self.index}"
            if self.index
            else "the index is not emptied: a worker compares it with the new rows",
            f"group {self.group} reads again: {', '.join(sorted(replayed.keys() - self.derived.keys()))}",
            self.note or "from the start of the log",
        ]


async def plan_rebuild(settings: Settings, since_ms: int | None = None) -> Plan:
    """Inspect topics and group; `since_ms`: replay only events published since, epoch ms.

    Raises ConfigurationError while the group has members, DependencyError when Kafka does not answer.
    """
    topics = Topics(settings.topic_prefix)
    await prepare_topics(settings)
    derived = derived_topics(topics)
    async with group_admin(settings) as admin:
        await until_group_is_empty(admin, settings)
    async with _consumer(settings) as consumer:
        starts, ends = await _bounds(consumer, settings, derived)
        records = {name: sum(ends[tp] - starts[tp] for tp in ends if tp.topic == name) for name in derived}
        offsets = await _first_offsets(consumer, settings, starts, ends, since_ms)
    return Plan(settings.app_id, offsets, records, _index_folder(settings), _note(since_ms))


async def empty_state(settings: Settings, plan: Plan) -> None:
    """Carry out a plan; run again after a crash, it ends the same."""
    topics = Topics(settings.topic_prefix)
    async with _consumer(settings, group_id=plan.group) as consumer:
        await _move_offsets(consumer, plan)
    if plan.index is not None:
        shutil.rmtree(plan.index, ignore_errors=True)
    async with group_admin(settings) as admin:
        await _delete(admin, list(plan.derived))
    await prepare_topics(settings)
    if plan.note:
        await _write_note(settings, topics, plan.note)
    log.info("state is empty: %d topics created again", len(plan.derived))


def derived_topics(topics: Topics) -> tuple[str, ...]:
    """Topics that hold nothing but what follows from `item-catalog` and `user-interactions`."""
    return (
        topics.interactions_rerouted,
        topics.item_transitions,
        topics.user_state_changelog,
        topics.item_state_changelog,
        topics.item_counts_changelog,
    )


async def until_group_is_empty(admin: Any, settings: Settings) -> None:
    """Wait a session for the group to lose its last members; raises `ConfigurationError` if it keeps some."""
    deadline = asyncio.get_running_loop().time() + settings.session_timeout_s + BEYOND_SESSION_S
    while members := await _members_if_known(admin, settings.app_id):
        if asyncio.get_running_loop().time() > deadline:
            raise ConfigurationError(
                f"group {settings.app_id} has members ({', '.join(members[:5])}): stop all of its workers, then run "
                "this again"
            )
        await asyncio.sleep(POLL_EVERY_S)


async def _members_if_known(admin: Any, group: str) -> list[str]:
    try:
        return await group_members(admin, group)
    except KafkaError as error:
        if not error.retriable:
            raise
        return [f"unknown: {plain(error)}"]  # a broker that was just started has no coordinator of groups yet


async def _bounds(
    consumer: AIOKafkaConsumer, settings: Settings, derived: Iterable[str]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """First offset and offset after the last record, by partition of every topic that a rebuild touches."""
    topics = Topics(settings.topic_prefix)
    specs = topics.specs(settings.user_partitions, settings.item_partitions)
    touched = {topics.item_catalog, topics.item_vectors, topics.user_interactions, *derived}
    tps = [TopicPartition(spec.name, p) for spec in specs if spec.name in touched for p in range(spec.partitions)]
    return await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)


async def _first_offsets(
    consumer: AIOKafkaConsumer,
    settings: Settings,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    since_ms: int | None,
) -> dict[TopicPartition, int]:
    """Where the group goes on: 0 in topics that start over, the catalog's start, the events' start or time."""
    topics = Topics(settings.topic_prefix)
    offsets = {tp: 0 for tp in starts if tp.topic in (topics.interactions_rerouted, topics.item_transitions)}
    offsets |= {tp: start for tp, start in starts.items() if tp.topic in (topics.item_catalog, topics.item_vectors)}
    events = {tp: start for tp, start in starts.items() if tp.topic == topics.user_interactions}
    if since_ms is not None:
        found = await consumer.offsets_for_times(dict.fromkeys(events, since_ms))
        events = {tp: ends[tp] if (at := found.get(tp)) is None else at.offset for tp in events}
    return offsets | events


async def _move_offsets(consumer: AIOKafkaConsumer, plan: Plan) -> None:
    consumer.assign(list(plan.offsets))
    try:
        await consumer.commit(dict(plan.offsets))
    except KafkaError as error:
        # The broker takes offsets from outside only while a group has no members.
        raise ConfigurationError(
            f"the offsets of group {plan.group} can't be moved ({plain(error)}): stop all of its workers, then run the "
            "rebuild again; nothing was deleted"
        ) from error


async def _delete(admin: Any, names: list[str]) -> None:
    response = await admin.delete_topics(names)
    for name, code, *_ in response.topic_error_codes:
        if code not in (0, UnknownTopicOrPartitionError.errno):
            raise ConfigurationError(
                f"topic {name} was not deleted: {for_code(code).__name__}; check the permissions and the broker's "
                "delete.topic.enable, then run the rebuild again"
            )
    async with asyncio.timeout(GONE_WITHIN_S):
        while set(names) & set(await admin.list_topics()):  # noqa: ASYNC110  (the broker does not notify)
            await asyncio.sleep(POLL_EVERY_S)


async def _write_note(settings: Settings, topics: Topics, note: str) -> None:
    async with AIOKafkaProducer(**_options(settings), acks="all") as producer:
        for name, partitions in (
            (topics.user_state_changelog, settings.user_partitions),
            (topics.item_state_changelog, settings.item_partitions),
            (topics.item_counts_changelog, settings.item_partitions),
        ):
            for partition in range(partitions):
                await producer.send_and_wait(name, note.encode(), key=NOTE_KEY, partition=partition)


def _note(since_ms: int | None) -> str:
    if since_ms is None:
        return ""
    since = datetime.fromtimestamp(since_ms / 1000, UTC).isoformat(timespec="seconds")
    return f"state begins at {since}: events published before are not in it"


def _index_folder(settings: Settings) -> Path | None:
    return settings.data_path / "index" if settings.index_kind == "edge" else None


def _options(settings: Settings) -> ClientOptions:
    return {**client_options(settings), "client_id": f"{settings.app_id}-rebuild"}


@asynccontextmanager
async def group_admin(settings: Settings) -> AsyncIterator[Any]:
    """An admin client whose failures say what to do."""
    admin = AIOKafkaAdminClient(**_options(settings))
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise DependencyError(
            f"Kafka at {settings.bootstrap_servers} failed: {plain(error)}; run this again"
        ) from error
    finally:
        await admin.close()


@asynccontextmanager
async def _consumer(settings: Settings, group_id: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    try:
        async with committed_reader(_options(settings), group_id=group_id) as consumer:
            yield consumer
    except (KafkaError, OSError) as error:
        raise DependencyError(
            f"Kafka at {settings.bootstrap_servers} failed: {plain(error)}; run the rebuild again"
        ) from error
