"""An index that is behind its rows catches up after a start; what is up to date is left alone."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.agents.parts import chunk_of_records, done, json_record, partition_for, running_parts
from tests.waiting import until
from workers.agents import catalog
from workers.index_audit import IndexAudit
from workers.item_points import REVISION
from workers.parts import Parts

Fixture = tuple[Parts, IndexAudit]


@pytest_asyncio.fixture
async def audited() -> AsyncIterator[Fixture]:
    async with running_parts() as (parts, _):
        audit = IndexAudit(parts.index, parts.items, parts.points, parts.index_writer, parts.vocabulary, parts.turns)
        for offset, item_id in enumerate(("a", "b", "c")):
            chunk = chunk_of_records(json_record("item-catalog", offset, item_id, {"item_id": item_id, "title": "T"}))
            await catalog.handle(chunk, parts)
            await done(chunk)
        await audit.start()
        try:
            yield parts, audit
        finally:
            await audit.stop()


async def shown(parts: Parts) -> set[str]:
    return set(await parts.index.get(["a", "b", "c"]))


async def test_lost_items_are_written_again(audited: Fixture) -> None:
    parts, audit = audited
    await parts.index.delete(["a", "c"])
    await audit.owned()
    await until(lambda: _equals(parts, {"a", "b", "c"}))


async def test_a_deletion_that_the_index_missed_is_made_up_for(audited: Fixture) -> None:
    parts, audit = audited
    row = parts.items.partitions[partition_for("b")].get("b")
    assert row is not None and row.describe(None, offset=9)
    await audit.owned()
    await until(lambda: _equals(parts, {"a", "c"}))


async def test_an_old_copy_is_noticed_by_its_revision(audited: Fixture) -> None:
    parts, audit = audited
    row = parts.items.partitions[partition_for("b")].get("b")
    assert row is not None and row.describe(b'{"title":"newer"}', offset=9)
    await audit.owned()

    async def newer() -> bool:
        found = await parts.index.get(["b"], payload=(REVISION, "title"))
        return (found["b"].payload or {}) == {REVISION: row.revision(), "title": "newer"}

    await until(newer)


async def test_a_partition_that_went_away_before_its_turn_is_skipped(audited: Fixture) -> None:
    parts, audit = audited
    await audit.owned()
    parts.items.partitions.clear()
    await audit.lost()
    await until(lambda: not audit._futures)
    assert not audit.crashed


async def _equals(parts: Parts, expected: set[str]) -> bool:
    return await shown(parts) == expected
