"""The reader delivers from open partitions only, and gives back what a poll brought too early."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiokafka import TopicPartition

from tests.stream.builders import record_at
from tests.waiting import until
from workers.stream.chunk import Chunk, Record
from workers.stream.reader import PARKED, Reader, Route
from workers.stream.repeats import Repeats

TP = TopicPartition("events", 0)
OTHER = TopicPartition("events", 1)
SIDE = TopicPartition("rerouted", 0)


class Log:
    """A consumer of partitions of ten records each: it remembers positions and commits, as aiokafka's does.

    After the records come `tail` offsets without one, as a transaction leaves them.
    """

    def __init__(self, *assigned: TopicPartition) -> None:
        self.assigned = set(assigned)
        self.positions = dict.fromkeys(assigned, 0)
        self.committed: dict[TopicPartition, int] = {}
        self.during_poll: Callable[[], object] = lambda: None
        self.tail = 0

    async def position(self, tp: TopicPartition) -> int:
        position = self.positions[tp]
        return position if position < 10 else 10 + self.tail

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    def seek(self, tp: TopicPartition, offset: int) -> None:
        assert tp in self.assigned
        self.positions[tp] = offset

    async def getmany(
        self, *tps: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Record]]:
        await asyncio.sleep(0)
        found = {
            tp: [
                record_at(tp, offset) for offset in range(self.positions[tp], min(10, self.positions[tp] + max_records))
            ]
            for tp in tps
        }
        self.positions |= {tp: records[-1].offset + 1 for tp, records in found.items() if records}
        self.during_poll()
        return {tp: records for tp, records in found.items() if records}

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.committed |= offsets

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(tps, 10 + self.tail)

    def last_stable_offset(self, tp: TopicPartition) -> int:
        assert tp in self.assigned, "Partition is not assigned"
        return 10 + self.tail


@asynccontextmanager
async def reading(
    log: Log, put: Callable[[Chunk], Any], chunks_out: int = 2, parked: int = PARKED
) -> AsyncIterator[Reader]:
    async def deliver(chunk: Chunk) -> None:
        put(chunk)

    route = Route(deliver, chunk_records=3, chunks_out=chunks_out, parked=parked)
    routes = dict.fromkeys(("events", "rerouted"), route)
    reader = Reader(log, routes, commit_interval_s=0.01, drain_timeout_s=5.0)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


async def test_what_a_poll_brings_while_the_partition_is_closed_is_read_again_once_it_is_open() -> None:
    log = Log(TP)
    offsets: list[int] = []

    def take(chunk: Chunk) -> None:
        offsets.extend(record.offset for record in chunk.records)
        chunk.finish()

    async with reading(log, take) as reader:

        def rebalance() -> None:
            log.during_poll = lambda: None
            reader.open([])
            asyncio.get_running_loop().call_later(0.02, reader.open, [TP])

        log.during_poll = rebalance
        reader.open([TP])
        await until(lambda: len(offsets) >= 10)
    assert offsets == list(range(10))


async def test_what_a_poll_brings_of_a_partition_that_went_away_is_dropped() -> None:
    log = Log(TP, OTHER)
    chunks: list[Chunk] = []
    async with reading(log, chunks.append) as reader:

        def rebalance() -> None:
            log.assigned = {OTHER}
            log.during_poll = lambda: None
            reader.open([OTHER])

        log.during_poll = rebalance
        reader.open([TP])
        await until(lambda: len(chunks) == 2)
        assert {chunk.tp for chunk in chunks} == {OTHER}
        for chunk in chunks:
            chunk.finish()
        await until(lambda: log.committed.get(OTHER, 0) >= 6)
        reader.open([])
    assert TP not in log.committed


async def test_lag_is_known_of_what_is_assigned_also_in_the_middle_of_a_rebalance() -> None:
    log = Log(TP, OTHER)
    async with reading(log, lambda chunk: None) as reader:
        reader.open([TP, OTHER])
        await until(lambda: set(reader.lag()) == {TP, OTHER})
        log.assigned = {OTHER}
        assert set(reader.lag()) == {OTHER}
        log.assigned = {TP, OTHER}


async def test_no_more_chunks_of_a_partition_are_out_than_allowed() -> None:
    log = Log(TP)
    chunks: list[Chunk] = []
    async with reading(log, chunks.append, chunks_out=2) as reader:
        reader.open([TP])
        await until(lambda: len(chunks) == 2)
        for _ in range(5):
            await asyncio.sleep(0.01)
        assert len(chunks) == 2
        chunks[0].finish()
        await until(lambda: len(chunks) == 3)
        for chunk in chunks[1:]:
            chunk.finish()
        reader.open([])


async def test_chunks_that_only_wait_to_be_written_hold_up_no_others_up_to_a_bound() -> None:
    log = Log(TP)
    chunks: list[Chunk] = []
    async with reading(log, chunks.append, chunks_out=1, parked=2) as reader:
        reader.open([TP])
        for out in (1, 2, 3):
            await until(partial(_are, chunks, out))
            assert chunks[-1].begin()
            chunks[-1].park()
        for _ in range(5):
            await asyncio.sleep(0.01)
        assert len(chunks) == 3
        chunks[0].finish()
        await until(lambda: len(chunks) == 4)
        for chunk in chunks[1:]:
            chunk.finish()
        reader.open([])


async def test_closing_waits_for_what_agents_began_and_commits_it() -> None:
    log = Log(TP)
    chunks: list[Chunk] = []
    async with reading(log, chunks.append, chunks_out=1) as reader:
        reader.open([TP])
        await until(lambda: len(chunks) == 1)
        assert chunks[0].begin()
        closing = asyncio.create_task(reader.close())
        await asyncio.sleep(0.03)
        assert not closing.done()
        chunks[0].finish()
        await closing
        assert log.committed == {TP: 3}


async def test_closing_does_not_wait_for_ever_for_an_index_that_does_not_answer() -> None:
    log = Log(TP)
    chunks: list[Chunk] = []
    async with reading(log, chunks.append, chunks_out=2) as reader:
        reader.open([TP])
        await until(lambda: len(chunks) == 2)
        assert all(chunk.begin() for chunk in chunks)
        chunks[0].finish()
        chunks[1].park()
        await asyncio.wait_for(reader.close(), 4.5)
        assert log.committed == {TP: 3}


@pytest.mark.parametrize("tail", [0, 2])
async def test_what_may_have_been_begun_is_finished_before_the_other_topic_is_read(tail: int) -> None:
    log = Log(TP, SIDE)
    log.tail = tail
    chunks: list[Chunk] = []
    end = 10 + tail
    async with reading(log, chunks.append) as reader:
        reader.open([TP, SIDE], [Repeats(TP, SIDE, 5, {TP: 0, SIDE: 0}, {TP: end, SIDE: end})])
        await until(lambda: _delivered(chunks) == [(SIDE, range(3)), (SIDE, range(3, 5))])
        assert set(await reader.standings()) == {SIDE}
        chunks[0].finish()
        for _ in range(5):
            await asyncio.sleep(0.01)
        assert len(chunks) == 2
        chunks[1].finish()
        for done, first in enumerate((0, 3, 6, 9), start=2):
            await until(partial(_are, chunks, min(done + 2, 6)))
            assert _delivered(chunks)[done] == (TP, range(first, min(first + 3, 10)))
            chunks[done].finish()
        await until(partial(_are, chunks, 8))
        assert _delivered(chunks)[6:] == [(SIDE, range(5, 8)), (SIDE, range(8, 10))]
        for chunk in chunks[6:]:
            chunk.finish()
        await until(lambda: log.committed == {TP: end, SIDE: end})
        await until(lambda: reader.lag() == {TP: 0, SIDE: 0})


async def test_with_nothing_to_repeat_all_topics_are_read_at_once() -> None:
    log = Log(TP, SIDE)
    chunks: list[Chunk] = []
    async with reading(log, chunks.append) as reader:
        reader.open([TP, SIDE], [Repeats(TP, SIDE, 5, {TP: 10, SIDE: 5}, {TP: 10, SIDE: 10})])
        await until(partial(_are, chunks, 4))
        assert {chunk.tp for chunk in chunks} == {TP, SIDE}
        for chunk in chunks:
            chunk.finish()
        reader.open([])


def _delivered(chunks: list[Chunk]) -> list[tuple[TopicPartition, range]]:
    return [(chunk.tp, range(chunk.records[0].offset, chunk.next_offset)) for chunk in chunks]


def _are(chunks: list[Chunk], count: int) -> bool:
    return len(chunks) == count
