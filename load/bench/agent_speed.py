"""How many events a CPU-second carries: the worker's own agents in this process, on a real broker (touches Kafka).

Reading, decoding, folding, evidence, changelog, for the catalog the index, and commits are all inside the measured
time, which is that of the whole process. The floor reads the same records and parses their JSON.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from load.datasets.errors import LoadError
from workers.agents import catalog, interactions, transitions
from workers.agents.user_records import Effects, decode
from workers.runtime.build_dependencies import build_dependencies
from workers.runtime.dependencies import Dependencies
from workers.settings import Settings
from workers.stream.chunk import Chunk
from workers.stream.connect import ClientOptions
from workers.stream.security import client_options
from workers.topics import Topics

POLL_MS = 200
COMMIT_EVERY_S = 0.5
FINISH_TIMEOUT_S = 30.0

Handle = Callable[[Chunk, Dependencies], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AgentSpeed:
    """Records of one topic through one agent, and what that took."""

    records: int
    cpu_s: float
    wall_s: float

    @property
    def per_cpu_s(self) -> float:
        """Records per second of CPU time."""
        return self.records / self.cpu_s


@asynccontextmanager
async def running_deps(settings: Settings) -> AsyncIterator[Dependencies]:
    """A worker's dependencies, with empty tables of all partitions, and those of its services that agents need."""
    options: ClientOptions = client_options(settings)
    deps = build_dependencies(settings, options)
    deps.users.partitions = {p: deps.users.blank_partition() for p in range(settings.user_partitions)}
    entries, counts = deps.items.entries, deps.items.counts
    entries.partitions = {p: entries.blank_partition() for p in range(settings.item_partitions)}
    counts.partitions = {p: counts.blank_partition() for p in range(settings.item_partitions)}
    await deps.index.ensure(deps.points.schema)
    await deps.writer.start()
    await deps.index_writer.start()
    await deps.snapshots.start()
    try:
        yield deps
    finally:
        await deps.snapshots.stop()
        await deps.index_writer.stop()
        await deps.writer.stop()
        await deps.index.close()


async def fold_catalog(deps: Dependencies) -> AgentSpeed:
    """All of `item-catalog` through its agent."""
    return await _drive(deps, deps.topics.item_catalog, catalog.handle)


async def fold_interactions(deps: Dependencies) -> AgentSpeed:
    """All of `user-interactions` through its agent."""

    async def handle(chunk: Chunk, deps: Dependencies) -> None:
        await interactions.handle(chunk, deps)
        chunk.finish()

    return await _drive(deps, deps.topics.user_interactions, handle)


async def cost_of_exactness(settings: Settings) -> float:
    """Events per CPU-second of the interactions agent, divided by those without changelog and commits.

    Three passes over `user-interactions`, each with state of its own; the one with both is the middle one, so that a
    machine that becomes slower or faster proves nothing.
    """
    passes = []
    for fold in (_fold_unkept, fold_interactions, _fold_unkept):
        async with running_deps(settings) as deps:
            passes.append((await fold(deps)).per_cpu_s)
    return 2 * passes[1] / (passes[0] + passes[2])


async def _fold_unkept(deps: Dependencies) -> AgentSpeed:
    """All of `user-interactions` without changelog and commits: evidence is sent, rows are kept nowhere."""

    async def handle(records: list[ConsumerRecord]) -> None:
        effects, rows = Effects(), deps.users.partitions[records[0].partition]
        decoded = await decode(records, effects, deps)
        vectors = deps.items.vectors(interactions.touched_items(decoded, rows))
        await interactions.fold(decoded, rows, vectors, effects, deps)
        await deps.writer.send_all(effects.to_items)

    return await _measured(deps.settings, deps.topics.user_interactions, handle)


async def fold_transitions(deps: Dependencies) -> AgentSpeed:
    """All of `item-transitions` through its agent and into rows of the changelog."""
    return await _drive(deps, deps.topics.item_transitions, transitions.handle)


async def read_and_parse(settings: Settings, topic: str) -> AgentSpeed:
    """The floor: the records of `topic` read in the same runs, each parsed as JSON, nothing else."""

    async def parse(records: list[ConsumerRecord]) -> None:
        for record in records:
            orjson.loads(record.value)

    return await _measured(settings, topic, parse)


async def read_only(settings: Settings, topic: str) -> AgentSpeed:
    """The floor of records that are not JSON: read in the same runs, nothing else."""

    async def ignore(records: list[ConsumerRecord]) -> None:
        return None

    return await _measured(settings, topic, ignore)


async def _drive(deps: Dependencies, topic: str, handle: Handle) -> AgentSpeed:
    out: set[Chunk] = set()
    idle = asyncio.Event()

    def finish(chunk: Chunk) -> None:
        out.discard(chunk)
        if not out:
            idle.set()

    async def put(records: list[ConsumerRecord]) -> None:
        chunk = Chunk(TopicPartition(topic, records[0].partition), records, on_finish=finish)
        out.add(chunk)
        idle.clear()
        await handle(chunk, deps)

    async def finished() -> None:
        await asyncio.wait_for(idle.wait(), FINISH_TIMEOUT_S)

    return await _measured(deps.settings, topic, put, finished, group_id=f"bench-{topic}")


async def _nothing_left() -> None:
    return None


async def _measured(
    settings: Settings,
    topic: str,
    put: Callable[[list[ConsumerRecord]], Awaitable[None]],
    finished: Callable[[], Awaitable[None]] = _nothing_left,
    group_id: str | None = None,
) -> AgentSpeed:
    """Read all that `topic` holds in runs as the worker's reader does; with a group, commit as it does."""
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=group_id, enable_auto_commit=False)
    await consumer.start()
    try:
        by_user = topic == Topics(settings.topic_prefix).user_interactions
        partitions = settings.user_partitions if by_user else settings.item_partitions
        ends = await _assign_all(consumer, topic, partitions)
        began, began_cpu = time.perf_counter(), time.process_time()
        async for records in _runs(consumer, ends, settings.chunk_records, commits=group_id is not None):
            await put(records)
        await finished()
        return AgentSpeed(sum(ends.values()), time.process_time() - began_cpu, time.perf_counter() - began)
    finally:
        await consumer.stop()


async def _assign_all(consumer: AIOKafkaConsumer, topic: str, partitions: int) -> dict[TopicPartition, int]:
    """Start at the beginning of every partition that holds records; returns their ends."""
    tps = [TopicPartition(topic, partition) for partition in range(partitions)]
    ends = {tp: end for tp, end in (await consumer.end_offsets(tps)).items() if end}
    if not ends:
        raise LoadError(f"topic {topic} holds nothing to measure")
    consumer.assign(list(ends))
    await consumer.seek_to_beginning(*ends)
    return ends


async def _runs(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], chunk_records: int, *, commits: bool
) -> AsyncIterator[list[Any]]:
    left, next_commit = sum(ends.values()), time.perf_counter() + COMMIT_EVERY_S
    while left:
        for records in (await consumer.getmany(timeout_ms=POLL_MS, max_records=chunk_records)).values():
            left -= len(records)
            yield records
        if commits and time.perf_counter() > next_commit:
            await consumer.commit()
            next_commit = time.perf_counter() + COMMIT_EVERY_S
    if commits:
        await consumer.commit()
