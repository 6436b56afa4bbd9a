"""Brings a version to the workers, and makes it, or the one before it, the one that answers (Kafka).

A slot that answers is never written to. Its neighbour is announced as unfinished first, filled, and announced as ready
with the offsets at which it ends; it may answer once the workers have committed these, and the index holds it all.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from workers.admin.vectors.train import Trained
from workers.control.versions import ACTIVE, Pointer, Version, Versions, encode
from workers.errors import ConfigurationError, DependencyError
from workers.items.slots import key_of, value_of
from workers.messages.plurals import counted
from workers.settings import Settings
from workers.stream.backlog import Backlog, open_backlog
from workers.stream.bounded_read import read_guidance, topic_reader
from workers.stream.connect import connect, disconnect
from workers.stream.ends import log_ends
from workers.stream.partitioning import partition_of
from workers.stream.refused import Refusals
from workers.stream.security import client_options
from workers.topics import Topics

POLL_EVERY_S = 0.2
# Records sent before their acknowledgements are waited for: they lie in memory, 300 bytes each.
SENT_AT_ONCE = 2_000


async def read_versions(settings: Settings) -> Versions:
    """What is in which slot, and what answers."""
    versions, _ = await inspect_versions(settings)
    return versions


async def inspect_versions(settings: Settings) -> tuple[Versions, Refusals]:
    """The same, and what the topic holds that no worker goes by."""
    versions = Versions()
    async with topic_reader(client_options(settings)) as reader:
        topic = Topics(settings.topic_prefix).item_vectors_versions
        return versions, await read_guidance(reader, topic, lambda record: versions.load(record.key, record.value))


async def publish(settings: Settings, trained: Trained, on_record: Callable[[], None] = lambda: None) -> Version:
    """Fill the slot that does not answer; raises `ConfigurationError` if another process fills it at the same time."""
    before = await read_versions(settings)
    slot = before.free_slot()
    newest = max((held.version for held in before.slots.values()), default=0)
    made = Version(max(time.time_ns() // 1_000_000, newest + 1), slot, trained.source, len(trained.item_ids))
    producer = await connect(
        lambda: AIOKafkaProducer(**client_options(settings), acks="all", enable_idempotence=True, linger_ms=5),
        patience_s=settings.patience_s,
    )
    try:
        await _announce(producer, settings, slot, made)
        taken = before.slots.get(slot)
        if taken is not None and (await read_versions(settings)).pointer.active == taken.version:
            await _announce(producer, settings, slot, taken)
            raise ConfigurationError(f"slot {slot} began to answer just now: run `tastestream retrain` again")
        starts = await _ends(settings)
        sent = await _send(producer, settings, trained, made, on_record)
        ends = await _ends(settings)
        if any(ends[partition] - starts[partition] != sent[partition] for partition in ends):
            raise ConfigurationError(
                "another process published vectors meanwhile: run `tastestream retrain` again, alone"
            )
        filled = {str(partition): end for partition, end in ends.items() if sent[partition]}
        ready = replace(made, ready=True, with_vector=int(trained.vectors.any(axis=1).sum()), ends=filled)
        await _announce(producer, settings, slot, ready)
    finally:
        await disconnect(producer)
    return ready


async def activate(settings: Settings, version: int | None, *, wait_s: float) -> Pointer:
    """Let `version` answer, or with None the newest; waits until workers have all of it, at most `wait_s`.

    Raises `ConfigurationError` if there is no such version, `DependencyError` if the workers don't get there.
    """
    versions = await read_versions(settings)
    ready = [held.version for held in versions.slots.values() if held.ready]
    if version is None and not ready:
        raise ConfigurationError("there is no version yet: run `tastestream retrain`")
    return await _point(settings, versions, versions.activated(max(ready) if version is None else version), wait_s)


async def roll_back(settings: Settings, *, wait_s: float) -> Pointer:
    """Let the version answer that did before, or none; raises like `activate`."""
    versions = await read_versions(settings)
    return await _point(settings, versions, versions.rolled_back(), wait_s)


async def _point(settings: Settings, versions: Versions, pointer: Pointer, wait_s: float) -> Pointer:
    wanted = versions.of(pointer.active)
    if wanted is not None:
        await _until_taken(settings, wanted, wait_s)
    producer = await connect(
        lambda: AIOKafkaProducer(**client_options(settings), acks="all"), patience_s=settings.patience_s
    )
    try:
        topic = Topics(settings.topic_prefix).item_vectors_versions
        await producer.send_and_wait(topic, encode(pointer), key=ACTIVE.encode(), partition=0)
    finally:
        await disconnect(producer)
    return pointer


async def _until_taken(settings: Settings, version: Version, wait_s: float) -> None:
    topic = Topics(settings.topic_prefix).item_vectors
    ends = {TopicPartition(topic, int(partition)): end for partition, end in version.ends.items()}
    deadline = asyncio.get_running_loop().time() + wait_s
    async with open_backlog(client_options(settings), settings.app_id) as backlog:
        while left := await _left(backlog, ends):
            if asyncio.get_running_loop().time() > deadline:
                raise DependencyError(
                    f"workers have still {counted(left, 'record')} of {topic} to take after {wait_s:g} s: is one "
                    f"running? Then run `tastestream retrain activate {version.version}`"
                )
            await asyncio.sleep(POLL_EVERY_S)


async def _left(backlog: Backlog, ends: Mapping[TopicPartition, int]) -> int:
    """Records that the workers have not taken; all of them while that is unknown, as on a new broker."""
    try:
        return await backlog.left(ends)
    except KafkaError as error:
        if not error.retriable:
            raise
        return sum(ends.values())


async def _send(
    producer: AIOKafkaProducer, settings: Settings, trained: Trained, version: Version, on_record: Callable[[], None]
) -> Counter[int]:
    topic = Topics(settings.topic_prefix).item_vectors
    sent: Counter[int] = Counter()
    waiting = []
    for item_id, vector in zip(trained.item_ids, trained.vectors, strict=True):
        partition = partition_of(item_id, settings.item_partitions)
        value = value_of(version.version, vector if vector.any() else None)
        waiting.append(await producer.send(topic, value, key=key_of(item_id, version.slot), partition=partition))
        sent[partition] += 1
        on_record()
        if len(waiting) == SENT_AT_ONCE:
            await asyncio.gather(*waiting)
            waiting = []
    await asyncio.gather(*waiting)
    return sent


async def _announce(producer: AIOKafkaProducer, settings: Settings, slot: str, version: Version) -> None:
    topic = Topics(settings.topic_prefix).item_vectors_versions
    await producer.send_and_wait(topic, encode(version), key=slot.encode(), partition=0)


async def _ends(settings: Settings) -> dict[int, int]:
    topic = Topics(settings.topic_prefix).item_vectors
    tps = [TopicPartition(topic, p) for p in range(settings.item_partitions)]
    ends = await log_ends(client_options(settings), tps, patience_s=settings.patience_s)
    return {tp.partition: end for tp, end in ends.items()}
