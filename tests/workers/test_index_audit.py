"""An index that is behind its rows catches up after a start; what is up to date is left alone."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from models.primitives.sparse import SparseVector
from tests.agents.dependencies import chunk_of_records, done, json_record, partition_for, running_deps
from tests.waiting import until
from workers.agents import catalog
from workers.index.types import Point
from workers.indexing import audit as index_audit
from workers.indexing.audit import IndexAudit
from workers.items.points import REVISION, WHOLE_REVISION, WORDS, whole_revision
from workers.items.rows import ItemRow
from workers.runtime.dependencies import Dependencies

Fixture = tuple[Dependencies, IndexAudit]


@pytest_asyncio.fixture
async def audited() -> AsyncIterator[Fixture]:
    async with running_deps() as (deps, _):
        audit = IndexAudit(deps.index, deps.items, deps.points, deps.index_writer, deps.vocabulary, deps.scheduler)
        for offset, item_id in enumerate(("a", "b", "c")):
            chunk = chunk_of_records(json_record("item-catalog", offset, item_id, {"item_id": item_id, "title": "T"}))
            await catalog.handle(chunk, deps)
            await done(chunk)
        await audit.start()
        try:
            yield deps, audit
        finally:
            await audit.stop()


class ObservedIndex:
    """The index, and the items that were looked up in it."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.at: list[str] = []

    async def get(self, item_ids: list[str], **selected: Any) -> Any:
        self.at += item_ids
        return await self._index.get(item_ids, **selected)


async def shown(deps: Dependencies) -> set[str]:
    return set(await deps.index.get(["a", "b", "c"]))


async def test_lost_items_are_written_again(audited: Fixture) -> None:
    deps, audit = audited
    await deps.index.delete(["a", "c"])
    await audit.owned()
    await until(lambda: _equals(deps, {"a", "b", "c"}))


async def test_a_deletion_that_the_index_missed_is_made_up_for(audited: Fixture) -> None:
    deps, audit = audited
    row = deps.items.partitions[partition_for("b")].get("b")
    assert row is not None and row.describe(None, offset=9)
    await audit.owned()
    await until(lambda: _equals(deps, {"a", "c"}))


async def test_an_old_copy_is_noticed_by_its_revision(audited: Fixture) -> None:
    deps, audit = audited
    row = deps.items.partitions[partition_for("b")].get("b")
    assert row is not None and row.describe(b'{"title":"newer"}', offset=9)
    await audit.owned()

    async def newer() -> bool:
        found = await deps.index.get(["b"], payload=(REVISION, "title"))
        return (found["b"].payload or {}) == {REVISION: row.revision(), "title": "newer"}

    await until(newer)


async def test_evidence_that_comes_before_the_audit_does_not_hide_an_old_title(audited: Fixture) -> None:
    deps, audit = audited
    row = deps.items.partitions[partition_for("b")].get("b")
    assert row is not None and row.describe(b'{"title":"newer"}', offset=9)
    deps.index_writer.push(partition_for("b"), ["b"], whole=False, chunk=None)

    async def patched() -> bool:
        return ((await deps.index.get(["b"]))["b"].payload or {})[REVISION] == row.revision()

    await until(patched)
    await audit.owned()

    async def newer() -> bool:
        return ((await deps.index.get(["b"]))["b"].payload or {})["title"] == "newer"

    await until(newer)


async def test_what_is_up_to_date_is_not_written_again(audited: Fixture) -> None:
    deps, audit = audited
    await deps.index.delete(["a"])
    repaired: list[str] = []

    async def repair(partition: int, item_ids: Sequence[str]) -> None:
        repaired.extend(item_ids)

    deps.index_writer.repair = repair  # type: ignore[method-assign]
    await looked_at(deps, audit)
    assert repaired == ["a"]


async def test_no_more_than_one_look_up_of_stale_items_waits_for_the_index(
    audited: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps, audit = audited
    monkeypatch.setattr(index_audit, "SLICE_ITEMS", 2)
    rows = deps.items.partitions[0]
    for number in range(10):
        rows.change(f"stale-{number}").describe(b'{"title":"T"}', offset=number)
    repair, at_once = deps.index_writer.repair, 0

    async def counted(partition: int, item_ids: Sequence[str]) -> None:
        nonlocal at_once
        at_once = max(at_once, len(item_ids) + len(deps.index_writer._repairs))
        await repair(partition, item_ids)

    deps.index_writer.repair = counted  # type: ignore[method-assign]
    await looked_at(deps, audit)
    assert at_once == 2
    assert len(await deps.index.get([f"stale-{number}" for number in range(10)])) == 10


async def test_a_point_that_an_older_version_made_is_written_again_though_evidence_brought_it_up_to_date(
    audited: Fixture,
) -> None:
    deps, audit = audited
    row = deps.items.partitions[partition_for("b")].get("b")
    assert row is not None
    point, words = deps.points.point("b", row), SparseVector.of({7: 1.0})
    older = {WHOLE_REVISION: row.whole_revision()}
    await deps.index.upsert([Point("b", {**point.vectors, WORDS: words}, {**point.payload, **older})])
    await deps.index.patch([deps.points.patch("b", row)])
    await audit.owned()

    async def renewed() -> bool:
        held = (await deps.index.get(["b"], payload=(WHOLE_REVISION,), vectors=(WORDS,)))["b"]
        found = (held.vectors or {})[WORDS]
        assert isinstance(found, SparseVector)
        return held.payload == {WHOLE_REVISION: whole_revision(row)} and len(found) > len(words)

    await until(renewed)


async def test_a_partition_that_went_away_before_its_turn_is_skipped(audited: Fixture) -> None:
    deps, audit = audited
    await deps.index.delete(["a"])
    kept = dict(deps.items.partitions)
    deps.items.partitions.clear()
    await audit.owned()
    await audit.lost()
    deps.items.partitions.update(kept)
    await audit.owned()
    await until(lambda: _equals(deps, {"a", "b", "c"}))
    assert not audit.crashed


async def test_a_partition_that_was_recovered_again_is_looked_at_again(audited: Fixture) -> None:
    deps, audit = audited
    await looked_at(deps, audit)
    await deps.index.delete(["b"])
    number = partition_for("b")
    old = deps.items.partitions[number]
    new = deps.items.partitions[number] = deps.items.blank_partition()
    for key in list(old.keys()):
        row = old.get(key)
        assert row is not None
        new.load(key.encode(), row.pack())
    await audit.lost()
    await audit.owned()
    await until(lambda: _equals(deps, {"a", "b", "c"}))


async def test_a_partition_that_stayed_is_not_looked_at_again(audited: Fixture) -> None:
    deps, audit = audited
    await looked_at(deps, audit)
    observed = ObservedIndex(deps.index)
    audit._index = observed  # type: ignore[assignment]
    await audit.lost()
    await audit.owned()
    await until(lambda: not audit._wanted.is_set())
    deps.items.partitions[99] = deps.items.blank_partition()
    deps.items.partitions[99].load(b"other", ItemRow().pack())
    await audit.owned()
    await until(lambda: 99 in audit._audited)
    assert observed.at == ["other"]


async def test_a_repeated_audit_looks_at_everything_and_is_behind_until_it_is_written(audited: Fixture) -> None:
    deps, audit = audited
    await looked_at(deps, audit)
    await deps.index.delete(["a", "b", "c"])
    audit.repeat()
    assert audit.behind
    await until(lambda: not audit.behind)
    assert await shown(deps) == {"a", "b", "c"}


async def test_an_audit_that_is_due_by_the_clock_looks_at_everything(audited: Fixture) -> None:
    deps, _ = audited
    often = IndexAudit(
        deps.index, deps.items, deps.points, deps.index_writer, deps.vocabulary, deps.scheduler, every_s=0.01
    )
    await often.start()
    try:
        await deps.index.delete(["b"])
        await until(lambda: _equals(deps, {"a", "b", "c"}))
        assert not often.behind
    finally:
        await often.stop()


async def looked_at(deps: Dependencies, audit: IndexAudit) -> None:
    """Have every row checked once."""
    await audit.owned()
    await until(lambda: set(audit._audited) == set(deps.items.partitions))


async def _equals(deps: Dependencies, expected: set[str]) -> bool:
    return await shown(deps) == expected
