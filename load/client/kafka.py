"""Kafka clients of the load side; equal settings make their measurements comparable (touches Kafka)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from load.datasets.errors import LoadError
from workers.messages.waiting import plain
from workers.stream.connect import ClientOptions
from workers.stream.refusal import refusal
from workers.stream.topic_admin import ensure_topics
from workers.topics import HOUR_MS, TopicSpec

# Where Kafka is: `host:port`, or a client's options where it needs security.
Bootstrap = str | ClientOptions

# Batches of half a megabyte keep the broker's work per event small and stay below its limit of 1 MiB.
BULK_BATCH_BYTES = 512 * 1024
# A send that a dead broker can't take fails after this long: long enough for a restart, short for a person.
REQUEST_TIMEOUT_MS = 20_000


@asynccontextmanager
async def bulk_producer(bootstrap: Bootstrap) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer of large batches that fails what is not acknowledged in time."""
    # Not idempotent: aiokafka would retry for ever while the broker is away, and could not even be stopped.
    # One batch of a partition is on its way at a time, so a retry can repeat records but not reorder them.
    settings = {"acks": "all", "max_batch_size": BULK_BATCH_BYTES}
    async with _started(AIOKafkaProducer(**_common(bootstrap), **settings), bootstrap) as producer:
        yield producer


@asynccontextmanager
async def prompt_producer(bootstrap: Bootstrap) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer that sends at once: for single requests and replies."""
    async with _started(AIOKafkaProducer(**_common(bootstrap), linger_ms=0, acks=1), bootstrap) as producer:
        yield producer


@asynccontextmanager
async def consumer_at_end(bootstrap: Bootstrap, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer, without a group, of what is published on all partitions of `topic` from now on."""
    consumer = AIOKafkaConsumer(topic, **_common(bootstrap), group_id=None, auto_offset_reset="latest")
    async with _started(consumer, bootstrap):
        # The position is looked up lazily; a record published before the look-up would be missed.
        for partition in consumer.assignment():
            await consumer.position(partition)
        yield consumer


async def ensure_own_topics(bootstrap: Bootstrap, names: Sequence[str], partitions: int = 1) -> None:
    """Topics of a measurement exist, kept for an hour; raises what `ensure_topics` raises."""
    config = {"retention.ms": str(HOUR_MS)}
    specs = [TopicSpec(name, partitions, "delete", config, fixed=False) for name in names]
    await ensure_topics(options_of(bootstrap), specs, replication_factor=1)


async def records_ever(bootstrap: Bootstrap, topic: str) -> int:
    """How many records `topic` ever took; clean-up does not lower it, a topic created again starts at 0."""
    consumer = AIOKafkaConsumer(topic, **_common(bootstrap), group_id=None)
    async with _started(consumer, bootstrap):
        ends = await consumer.end_offsets(list(consumer.assignment()))
    return sum(ends.values())


def options_of(bootstrap: Bootstrap) -> ClientOptions:
    """Options of a client."""
    return {"bootstrap_servers": bootstrap} if isinstance(bootstrap, str) else dict(bootstrap)


async def unusable(bootstrap: Bootstrap, error: KafkaError) -> Exception:
    """What to raise when a client can't connect: that Kafka refuses us, or that it does not answer."""
    options = options_of(bootstrap)
    return await refusal(options) or LoadError(
        f"Kafka at {options['bootstrap_servers']} can't be used ({plain(error)}): check that it is up"
    )


def _common(bootstrap: Bootstrap) -> dict[str, Any]:
    return {**options_of(bootstrap), "request_timeout_ms": REQUEST_TIMEOUT_MS}


@asynccontextmanager
async def _started(client: Any, bootstrap: Bootstrap) -> AsyncIterator[Any]:
    try:
        await client.start()
    except KafkaError as error:
        await client.stop()
        raise await unusable(bootstrap, error) from error
    try:
        yield client
    finally:
        await client.stop()
