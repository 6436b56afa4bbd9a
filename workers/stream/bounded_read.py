"""Reads what a topic holds now, from anywhere to its present end, outside of every group (I/O)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from workers.errors import ConfigurationError, DependencyError
from workers.messages.waiting import plain
from workers.stream.chunk import Record
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import committed_reader
from workers.stream.refusal import refusal
from workers.stream.refused import Refusals

# A reader gets control at least so often, to check its deadline.
POLL_MS = 500
# A broker that sends nothing for so long, although there is more, is in trouble.
SILENCE_S = 30.0
# Bytes fetched of a partition at once: a larger record still comes whole.
FETCH_BYTES = 1024 * 1024

Range = tuple[int, int]
"""First offset, and the one after the last."""


class TopicReader:
    """A consumer without a group; made by `topic_reader`."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def partitions(self, topic: str) -> list[TopicPartition]:
        """Partitions of `topic`, none if it does not exist: asking for it by name could create it."""
        cluster = await self._consumer._client.fetch_all_metadata()
        return [TopicPartition(topic, p) for p in sorted(cluster.partitions_for_topic(topic) or ())]

    async def ranges(self, topic: str) -> dict[TopicPartition, Range]:
        """What each partition holds now; raises `DependencyError` where the topic does not exist."""
        tps = await self.partitions(topic)
        if not tps:
            raise DependencyError(f"there is no topic {topic}: check its name and TASTESTREAM_TOPIC_PREFIX")
        starts, ends = await self._consumer.beginning_offsets(tps), await self._consumer.end_offsets(tps)
        return {tp: (starts[tp], ends[tp]) for tp in tps}

    async def since(self, ranges: Mapping[TopicPartition, Range], time_ms: int) -> dict[TopicPartition, Range]:
        """The parts of `ranges` that were stamped at that time or later."""
        found = await self._consumer.offsets_for_times(dict.fromkeys(ranges, time_ms))
        return {
            tp: (end if found.get(tp) is None else max(start, found[tp].offset), end)
            for tp, (start, end) in ranges.items()
        }

    async def read(self, ranges: Mapping[TopicPartition, Range]) -> AsyncIterator[Sequence[Record]]:
        """Records of these ranges in batches, each partition in order; an empty batch when none came for a while."""
        ends = {tp: end for tp, (start, end) in ranges.items() if start < end}
        self._consumer.assign(list(ends))
        for tp in ends:
            self._consumer.seek(tp, ranges[tp][0])
        while behind := [tp for tp, end in ends.items() if await self._consumer.position(tp) < end]:
            batches = await self._consumer.getmany(*behind, timeout_ms=POLL_MS)
            yield [record for tp, batch in batches.items() for record in batch if record.offset < ends[tp]]


async def spoken(reader: TopicReader, ranges: Mapping[TopicPartition, Range]) -> AsyncIterator[Sequence[Record]]:
    """As `TopicReader.read`, without empty batches; raises `DependencyError` where Kafka falls silent."""
    clock = asyncio.get_running_loop().time
    heard = clock()
    async for batch in reader.read(ranges):
        if batch:
            heard = clock()
            yield batch
        elif clock() - heard > SILENCE_S:
            names = ", ".join(sorted({tp.topic for tp in ranges}))
            raise DependencyError(f"Kafka sent nothing of {names} for {SILENCE_S:.0f} s: check the brokers, try again")


async def read_guidance(reader: TopicReader, topic: str, apply: Callable[[Record], None]) -> Refusals:
    """Hand all of a followed topic to `apply`, as a worker that starts now does; returns what it would skip.

    Raises `ConfigurationError` where the topic does not exist.
    """
    await _require(reader, topic)
    refused = Refusals()
    async for batch in spoken(reader, await reader.ranges(topic)):
        for record in batch:
            refused.take(record, apply)
    return refused


@asynccontextmanager
async def topic_reader(options: ClientOptions) -> AsyncIterator[TopicReader]:
    """A reader that is connected; raises `DependencyError` or, when Kafka refuses us, `ConfigurationError`.

    It does not wait for a broker: a person who waits here wants to know at once that there is none.
    """
    try:
        consumer = await connect(
            lambda: committed_reader(options, group_id=None, max_partition_fetch_bytes=FETCH_BYTES), patience_s=0
        )
    except (KafkaError, OSError) as error:
        raise await refusal(options) or unreachable(options, error) from error
    try:
        yield TopicReader(consumer)
    except KafkaError as error:
        raise unreachable(options, error) from error
    finally:
        await disconnect(consumer)


def unreachable(options: ClientOptions, error: Exception) -> DependencyError:
    """What to show a person who waits for Kafka."""
    return DependencyError(
        f"Kafka at {options.get('bootstrap_servers')} can't be used ({plain(error)}): check that it is up"
    )


async def require_topics(options: ClientOptions, *names: str) -> None:
    """Raise `ConfigurationError` for topics that do not exist; clients of Kafka wait long for them."""
    async with topic_reader(options) as reader:
        await _require(reader, *names)


async def _require(reader: TopicReader, *names: str) -> None:
    missing = [name for name in names if not await reader.partitions(name)]
    if missing:
        raise ConfigurationError(
            f"there is no topic {' and no '.join(missing)}: start a worker, which creates them, or check "
            "TASTESTREAM_TOPIC_PREFIX"
        )
