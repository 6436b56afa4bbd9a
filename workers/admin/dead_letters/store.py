"""Reads dead letters and the notes on which of them were replayed (touches Kafka)."""

from collections.abc import AsyncIterator, Callable, Mapping

from aiokafka import TopicPartition

from workers.admin.dead_letters.letter import Letter, letter_of
from workers.stream.bounded_read import Range, TopicReader, spoken
from workers.topics import Topics

Advance = Callable[[int], object]
"""Called with the number of records read since the last call."""


async def letter_ranges(reader: TopicReader, topics: Topics, since_ms: int | None) -> dict[TopicPartition, Range]:
    """The letters that there are now; those refused before `since_ms` are left out without reading them."""
    ranges = await reader.ranges(topics.dead_letters)
    return ranges if since_ms is None else await reader.since(ranges, since_ms)


async def read_letters(
    reader: TopicReader, topics: Topics, ranges: Mapping[TopicPartition, Range], advance: Advance
) -> AsyncIterator[Letter]:
    """Letters of these ranges, each partition in order; other records of the topic are passed over."""
    async for batch in spoken(reader, ranges):
        for record in batch:
            letter = letter_of(record, topics)
            if letter is not None:
                yield letter
        advance(len(batch))


async def read_replayed(reader: TopicReader, topics: Topics) -> set[str]:
    """Places of the refused records that were replayed; 100 bytes each."""
    if not await reader.partitions(topics.dead_letters_replayed):
        return set()
    ranges = await reader.ranges(topics.dead_letters_replayed)
    notes = spoken(reader, ranges)
    return {record.key.decode(errors="replace") async for batch in notes for record in batch if record.key}


async def read_letter(reader: TopicReader, topics: Topics, partition: int, offset: int) -> Letter | None:
    """The letter of that name, None if there is none (any more)."""
    tp = TopicPartition(topics.dead_letters, partition)
    first, end = (await reader.ranges(topics.dead_letters)).get(tp, (0, 0))
    if not first <= offset < end:
        return None
    async for letter in read_letters(reader, topics, {tp: (offset, offset + 1)}, lambda _: None):
        return letter
    return None
