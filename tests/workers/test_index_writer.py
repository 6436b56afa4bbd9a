"""The index writer finishes chunks when the index has their items, and writes nothing between two generations."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from tests.agents.dependencies import chunk_of_records, done, json_record, running_deps
from tests.waiting import until
from workers.agents import catalog
from workers.index.types import Point, Query
from workers.items.points import EMBEDDING
from workers.runtime.dependencies import Dependencies


class Gate:
    """The index, whose writes wait while it is shut."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.open = asyncio.Event()
        self.open.set()
        self.tried = 0
        self.slices: list[list[str]] = []
        self._left = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def stop_after(self, writes: int) -> None:
        """Shut again after so many."""
        self._left = writes

    async def upsert(self, points: Sequence[Point]) -> None:
        self.tried += 1
        self.slices.append([point.item_id for point in points])
        await self.open.wait()
        await self._index.upsert(points)
        self._left -= 1
        if not self._left:
            self.open.clear()


@pytest_asyncio.fixture
async def gated() -> AsyncIterator[tuple[Dependencies, Gate]]:
    async with running_deps() as (deps, _):
        gate = Gate(deps.index)
        deps.index_writer._index = gate  # type: ignore[assignment]
        yield deps, gate


async def described(deps: Dependencies, item_id: str) -> Any:
    """A chunk with one item, handled, its write pushed."""
    chunk = chunk_of_records(json_record("item-catalog", 0, item_id, {"item_id": item_id, "title": "T"}))
    await catalog.handle(chunk, deps)
    return chunk


async def test_a_chunk_waits_for_the_index_and_for_nothing_else(gated: tuple[Dependencies, Gate]) -> None:
    deps, gate = gated
    gate.open.clear()
    chunk = await described(deps, "a")
    await until(lambda: gate.tried == 1)
    assert chunk.parked and not chunk.done
    gate.open.set()
    await done(chunk)


async def catalog_of(deps: Dependencies, item_ids: Sequence[str]) -> list[Any]:
    """Chunks of one item each."""
    return [await described(deps, item_id) for item_id in item_ids]


async def test_a_chunk_is_finished_while_items_of_later_ones_still_wait(gated: tuple[Dependencies, Gate]) -> None:
    deps, gate = gated
    deps.index_writer._slice_items = 2
    gate.open.clear()
    chunks = await catalog_of(deps, "abcdef")
    gate.stop_after(2)
    gate.open.set()
    await done(chunks[1])
    await until(lambda: gate.tried == 3)
    assert gate.slices == [["a", "b"], ["c", "d"], ["e", "f"]]
    await done(chunks[3])
    assert not chunks[4].done
    gate.open.set()
    await done(chunks[5])


async def test_what_is_marked_without_end_keeps_no_chunk_from_its_end(gated: tuple[Dependencies, Gate]) -> None:
    deps, gate = gated
    gate.open.clear()
    first = await described(deps, "a")
    await until(lambda: gate.tried == 1)
    later = await catalog_of(deps, [f"later-{n}" for n in range(100)])
    gate.stop_after(1)
    gate.open.set()
    await done(first)
    assert not later[0].done


async def test_repairs_wait_until_no_chunk_does(gated: tuple[Dependencies, Gate]) -> None:
    deps, gate = gated
    deps.index_writer._slice_items = 2
    for chunk in await catalog_of(deps, "abcdefgh"):
        await done(chunk)
    gate.slices.clear()
    gate.open.clear()
    await described(deps, "live-0")
    await until(lambda: gate.tried > 0 and gate.slices == [["live-0"]])
    repairing = asyncio.ensure_future(deps.index_writer.repair("abcd"))
    live = await catalog_of(deps, [f"live-{n}" for n in range(1, 6)])
    gate.open.set()
    await repairing
    await done(live[-1])
    in_order = [item_id for written in gate.slices for item_id in written]
    # A slice between two batches, so that repairs come to an end under any load; the others after the chunks.
    assert in_order.index("c") > in_order.index("live-5")
    assert sorted(in_order) == sorted([*"abcd", *(f"live-{n}" for n in range(6))])


async def test_repairs_go_on_although_chunks_come_without_end(gated: tuple[Dependencies, Gate]) -> None:
    deps, _ = gated
    for chunk in await catalog_of(deps, "abcdefgh"):
        await done(chunk)
    deps.index_writer._slice_items = 1
    repairing = asyncio.ensure_future(deps.index_writer.repair("abcdefgh"))
    number = 0
    while not repairing.done():
        assert number < 10_000
        await described(deps, f"live-{number}")
        number += 1
        await asyncio.sleep(0)
    await repairing


def forget_all(deps: Dependencies) -> None:
    """No partition is at hand any more."""
    deps.items.entries.partitions = {}
    deps.items._entered.clear()


async def test_a_write_that_waits_ends_when_the_partitions_are_lost_and_is_made_up_for(
    gated: tuple[Dependencies, Gate],
) -> None:
    deps, gate = gated
    gate.open.clear()
    chunk = await described(deps, "a")
    await until(lambda: gate.tried == 1)
    await asyncio.wait_for(deps.index_writer.lost(), 5)
    gate.open.set()
    deps.index_writer.push([])
    assert await deps.index.payloads(["a"], ()) == {}
    await deps.index_writer.owned()

    async def shown() -> bool:
        return "a" in await deps.index.payloads(["a"], ())

    await until(shown)
    assert not chunk.done


async def test_what_went_to_another_worker_is_not_written(gated: tuple[Dependencies, Gate]) -> None:
    deps, gate = gated
    gate.open.clear()
    await described(deps, "a")
    await until(lambda: gate.tried == 1)
    await deps.index_writer.lost()
    forget_all(deps)
    gate.open.set()
    await deps.index_writer.owned()
    await until(lambda: not deps.index_writer._marked.is_set())
    assert await deps.index.payloads(["a"], ()) == {}


async def test_stopping_does_not_wait_for_the_index(gated: tuple[Dependencies, Gate]) -> None:
    deps, gate = gated
    gate.open.clear()
    chunk = await described(deps, "a")
    await until(lambda: gate.tried == 1)
    await asyncio.wait_for(deps.index_writer.stop(), 5)
    assert not chunk.done


async def test_what_is_written_has_the_embedding_of_the_item_table_and_counts_among_words(
    gated: tuple[Dependencies, Gate],
) -> None:
    deps, _ = gated
    await done(await described(deps, "a"))
    vector = deps.items.table.vector("a")
    assert vector is not None
    [[hit]] = await deps.index.search([Query(EMBEDDING, vector, 5)])
    assert hit.item_id == "a" and hit.score == pytest.approx(1.0)
    assert "a" in deps.vocabulary


async def test_an_item_that_is_deleted_leaves_the_index_and_the_words(gated: tuple[Dependencies, Gate]) -> None:
    deps, _ = gated
    await done(await described(deps, "a"))
    chunk = chunk_of_records(json_record("item-catalog", 1, "a", None))
    await catalog.handle(chunk, deps)
    await done(chunk)
    assert await deps.index.payloads(["a"], ()) == {}
    assert "a" not in deps.vocabulary


async def test_items_of_followed_partitions_are_written_where_all_at_hand_are_indexed(
    gated: tuple[Dependencies, Gate],
) -> None:
    deps, _ = gated
    await done(await described(deps, "a"))
    await deps.items.owned()
    deps.items.entries.partitions = {}
    await deps.index.delete(["a"])
    await deps.index_writer.repair(["a"])
    assert list(await deps.index.payloads(["a"], ())) == ["a"]
