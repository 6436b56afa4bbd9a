"""Reads the newest records of an existing topic, within bounds (touches Kafka)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition

from workers.admin.schema.found import Sampled
from workers.stream.bounded_read import Range, topic_reader
from workers.stream.connect import ClientOptions

MAX_BYTES = 64 * 1024 * 1024  # of a sample: it is held in memory


@dataclass(frozen=True, slots=True)
class Sample:
    """What was read; `cut` says why it is less than was asked for, else empty."""

    records: list[Sampled]
    cut: str = ""


async def read_sample(
    options: ClientOptions, topic: str, wanted: int, deadline_s: float, advance: Callable[[int], object]
) -> Sample:
    """At most `wanted` of the newest records, spread over the partitions; `advance` hears how many came."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + deadline_s
    records: list[Sampled] = []
    size = 0
    async with topic_reader(options) as reader:
        async for batch in reader.read(newest(await reader.ranges(topic), wanted)):
            records += [Sampled(record.value, record.key, tuple(record.headers)) for record in batch]
            size += sum(len(record.value or b"") for record in batch)
            advance(len(batch))
            if size > MAX_BYTES:
                return Sample(records, f"stopped after {size / 1e6:.0f} MB")
            if loop.time() > ends_at:
                return Sample(records, f"stopped after {deadline_s:g} s")
    return Sample(records)


def newest(ranges: Mapping[TopicPartition, Range], wanted: int) -> dict[TopicPartition, Range]:
    """The ends of these ranges, `wanted` offsets in all: as equal shares as the partitions allow.

    >>> few, many = TopicPartition("t", 0), TopicPartition("t", 1)
    >>> newest({few: (0, 3), many: (100, 900)}, 10) == {few: (0, 3), many: (893, 900)}
    True
    """
    chosen: dict[TopicPartition, Range] = {}
    left = wanted
    by_size = sorted(ranges.items(), key=lambda one: one[1][1] - one[1][0])
    for position, (tp, (start, end)) in enumerate(by_size):
        share = min(end - start, -(-left // (len(by_size) - position)))
        chosen[tp] = (end - share, end)
        left -= share
    return chosen
