"""Rows of counts are written once for many chunks, which are finished then and not before."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import numpy as np
import pytest
from aiokafka import TopicPartition

from models.primitives.text import Vector
from tests.agents.dependencies import Sent
from tests.models.builders import evidence
from tests.stream.builders import record_at
from tests.waiting import until
from workers.items import snapshots as timing
from workers.items.fold_counts import CountsFold
from workers.items.items import Items
from workers.items.snapshots import Snapshots
from workers.records.out import OutRecord
from workers.scheduling import Scheduler
from workers.stream.chunk import Chunk
from workers.stream.table import REACHED_KEY
from workers.stream.writer import Target

NEVER_S = 3_600.0
CHANGELOG = "counts"


class Acknowledging(Sent):
    """Acknowledges what it is given when `open` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.asked = 0

    async def send_all(self, batches: Mapping[Target, Iterable[OutRecord]]) -> None:
        taken = {target: list(records) for target, records in batches.items()}
        self.asked += 1
        await self.open.wait()
        await super().send_all(taken)


class Evidence:
    """A partition whose evidence is folded a record a chunk."""

    def __init__(self, items: Items, snapshots: Snapshots, partition: int = 0) -> None:
        self.rows = items.counts.partitions[partition]
        self._fold = CountsFold(items, self.rows)
        self._snapshots = snapshots
        self._tp = TopicPartition("item-transitions", partition)

    def fold(self, offset: int, item_id: str = "b") -> Chunk:
        record = record_at(self._tp, offset, None, evidence(offset, ["a"], item_id=item_id).pack())
        chunk = Chunk(self._tp, [record], on_finish=lambda _: None)
        self._fold.take(record)
        self._snapshots.add(chunk)
        return chunk


@asynccontextmanager
async def running(every_s: float = NEVER_S) -> AsyncIterator[tuple[Items, Snapshots, Acknowledging]]:
    writer = Acknowledging()
    items = Items("entries", CHANGELOG, 1, _no_vector, 2, Scheduler())
    items.counts.partitions = {number: items.counts.blank_partition() for number in range(2)}
    snapshots = Snapshots(items.counts, writer, Scheduler(), every_s=every_s)
    await snapshots.start()
    try:
        yield items, snapshots, writer
    finally:
        await snapshots.stop()


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No partition ever rests."""
    monkeypatch.setattr(timing, "RESTED_S", NEVER_S)


async def test_chunks_are_finished_when_their_rows_are_acknowledged() -> None:
    async with running() as (items, snapshots, writer):
        chunk = Evidence(items, snapshots).fold(0)
        assert chunk.parked
        await until(lambda: writer.asked == 1)
        assert not chunk.done
        writer.open.set()
        await until(lambda: chunk.done)


async def test_a_row_is_written_once_for_all_chunks_and_what_is_said_of_all_rows_after_it() -> None:
    async with running() as (items, snapshots, writer):
        log = Evidence(items, snapshots)
        chunks = [log.fold(0, "b"), log.fold(1, "c"), log.fold(2, "b")]
        writer.open.set()
        await until(lambda: all(chunk.done for chunk in chunks))
        assert [record.key for record in writer.to(CHANGELOG)] == [b"c", b"b", REACHED_KEY]


@pytest.mark.usefixtures("busy")
async def test_a_partition_that_never_rests_is_written_when_its_time_has_come() -> None:
    async with running(every_s=0.0) as (items, snapshots, writer):
        writer.open.set()
        chunk = Evidence(items, snapshots).fold(0)
        await until(lambda: chunk.done)


@pytest.mark.usefixtures("busy")
async def test_before_a_hand_over_everything_is_written() -> None:
    async with running() as (items, snapshots, writer):
        writer.open.set()
        chunks = [Evidence(items, snapshots, partition).fold(0) for partition in range(2)]
        snapshots.hurry()
        await until(lambda: all(chunk.done for chunk in chunks))
        await snapshots.owned()
        later = Evidence(items, snapshots).fold(1)
        snapshots.hurry()
        await until(lambda: later.done)


async def test_what_was_not_acknowledged_before_a_loss_is_never_finished() -> None:
    async with running() as (items, snapshots, writer):
        chunk = Evidence(items, snapshots).fold(0)
        await until(lambda: writer.asked == 1)
        await snapshots.lost()
        writer.open.set()
        other = Evidence(items, snapshots, partition=1).fold(0)
        await until(lambda: other.done)
        assert not chunk.done
        assert {target for target, _ in writer.batches} == {(CHANGELOG, 1)}


@pytest.mark.usefixtures("busy")
async def test_what_was_not_written_before_a_loss_is_forgotten() -> None:
    async with running() as (items, snapshots, writer):
        writer.open.set()
        chunk = Evidence(items, snapshots).fold(0)
        await snapshots.lost()
        snapshots.hurry()
        other = Evidence(items, snapshots, partition=1).fold(0)
        await until(lambda: other.done)
        assert not chunk.done


async def test_nothing_is_written_while_what_was_folded_before_is_folded_again() -> None:
    async with running() as (items, snapshots, writer):
        writer.open.set()
        log = Evidence(items, snapshots)
        log.rows.has_folded(1)
        again = log.fold(0)
        other = Evidence(items, snapshots, partition=1).fold(0)
        await until(lambda: other.done)
        assert not again.done
        last = log.fold(1)
        await until(lambda: again.done and last.done)


def _no_vector(entry: dict[str, object]) -> Vector:
    return np.zeros(1, dtype=np.float32)
