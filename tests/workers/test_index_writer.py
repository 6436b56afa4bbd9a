"""The index writer tells chunks when the index has their items, and writes nothing between two generations."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest_asyncio

from tests.agents.parts import chunk_of_records, done, json_record, running_parts
from tests.waiting import until
from workers.agents import catalog
from workers.index.types import Point
from workers.parts import Parts


class Gate:
    """The index, whose writes wait while it is shut."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.open = asyncio.Event()
        self.open.set()
        self.tried = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    async def upsert(self, points: Sequence[Point]) -> None:
        self.tried += 1
        await self.open.wait()
        await self._index.upsert(points)


@pytest_asyncio.fixture
async def gated() -> AsyncIterator[tuple[Parts, Gate]]:
    async with running_parts() as (parts, _):
        gate = Gate(parts.index)
        parts.index_writer._index = gate  # type: ignore[assignment]
        yield parts, gate


async def described(parts: Parts, item_id: str) -> Any:
    """A chunk with one item, handled, its write pushed."""
    chunk = chunk_of_records(json_record("item-catalog", 0, item_id, {"item_id": item_id, "title": "T"}))
    await catalog.handle(chunk, parts)
    return chunk


async def test_a_chunk_waits_for_the_index_and_for_nothing_else(gated: tuple[Parts, Gate]) -> None:
    parts, gate = gated
    gate.open.clear()
    chunk = await described(parts, "a")
    await until(lambda: gate.tried == 1)
    assert chunk.parked and not chunk.done
    gate.open.set()
    await done(chunk)


async def test_a_write_that_waits_ends_when_the_partitions_are_lost_and_is_made_up_for(
    gated: tuple[Parts, Gate],
) -> None:
    parts, gate = gated
    gate.open.clear()
    chunk = await described(parts, "a")
    await until(lambda: gate.tried == 1)
    await asyncio.wait_for(parts.index_writer.lost(), 5)
    gate.open.set()
    parts.index_writer.push(0, [], whole=True, chunk=None)
    assert await parts.index.get(["a"]) == {}
    await parts.index_writer.owned()

    async def shown() -> bool:
        return "a" in await parts.index.get(["a"])

    await until(shown)
    assert not chunk.done


async def test_what_went_to_another_worker_is_not_written(gated: tuple[Parts, Gate]) -> None:
    parts, gate = gated
    gate.open.clear()
    await described(parts, "a")
    await until(lambda: gate.tried == 1)
    await parts.index_writer.lost()
    parts.items.partitions.clear()
    gate.open.set()
    await parts.index_writer.owned()
    await until(lambda: not parts.index_writer._whole)
    assert await parts.index.get(["a"]) == {}


async def test_stopping_does_not_wait_for_the_index(gated: tuple[Parts, Gate]) -> None:
    parts, gate = gated
    gate.open.clear()
    chunk = await described(parts, "a")
    await until(lambda: gate.tried == 1)
    await asyncio.wait_for(parts.index_writer.stop(), 5)
    assert not chunk.done
