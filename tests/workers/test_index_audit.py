"""An index that is behind its rows catches up after a start; what is up to date is left alone."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from models.primitives.text import Rarity
from tests.agents.dependencies import (
    DIM,
    PARTITIONS,
    chunk_of_records,
    done,
    json_record,
    partition_for,
    running_deps,
)
from tests.waiting import until
from workers.agents import catalog
from workers.index.types import Point
from workers.indexing import audit as index_audit
from workers.indexing.audit import IndexAudit
from workers.indexing.vocabulary import Vocabulary
from workers.items.items import Items
from workers.items.points import REVISION, revision_of
from workers.items.rows import ItemRow
from workers.runtime.dependencies import Dependencies

Fixture = tuple[Dependencies, IndexAudit]


@pytest_asyncio.fixture
async def audited() -> AsyncIterator[Fixture]:
    async with running_deps() as (deps, _):
        audit = audit_of(deps)
        for offset, item_id in enumerate(("a", "b", "c")):
            chunk = chunk_of_records(json_record("item-catalog", offset, item_id, {"item_id": item_id, "title": "T"}))
            await catalog.handle(chunk, deps)
            await done(chunk)
        await audit.start()
        try:
            yield deps, audit
        finally:
            await audit.stop()


def audit_of(deps: Dependencies, *, every_s: float | None = None) -> IndexAudit:
    """An audit of its own of all items at hand."""
    known = (deps.points, deps.index_writer, deps.vocabulary, deps.scheduler)
    return IndexAudit(deps.index, deps.items, deps.items.all_entries, *known, every_s=every_s)


class ObservedIndex:
    """The index, and the items that were looked up in it."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.at: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    async def payloads(self, item_ids: list[str], fields: tuple[str, ...]) -> Any:
        self.at += item_ids
        return await self._index.payloads(item_ids, fields)


async def shown(deps: Dependencies) -> set[str]:
    return set(await deps.index.payloads(["a", "b", "c"], ()))


async def test_lost_items_are_written_again(audited: Fixture) -> None:
    deps, audit = audited
    await deps.index.delete(["a", "c"])
    await audit.owned()
    await until(lambda: _equals(deps, {"a", "b", "c"}))


async def test_a_deletion_that_the_index_missed_is_made_up_for(audited: Fixture) -> None:
    deps, audit = audited
    row = deps.items.entries.partitions[partition_for("b")].get("b")
    assert row is not None and row.describe(None, offset=9)
    await audit.owned()
    await until(lambda: _equals(deps, {"a", "c"}))


async def test_an_old_copy_is_noticed_by_its_revision(audited: Fixture) -> None:
    deps, audit = audited
    row = deps.items.entries.partitions[partition_for("b")].get("b")
    assert row is not None and row.describe(b'{"title":"newer"}', offset=9)
    await audit.owned()

    async def newer() -> bool:
        return await deps.index.payloads(["b"], (REVISION,)) == {"b": {REVISION: revision_of(row)}}

    await until(newer)


async def test_what_is_up_to_date_is_not_written_again(audited: Fixture) -> None:
    deps, audit = audited
    await deps.index.delete(["a"])
    repaired: list[str] = []

    async def repair(item_ids: Sequence[str]) -> None:
        repaired.extend(item_ids)

    deps.index_writer.repair = repair  # type: ignore[method-assign]
    await looked_at(deps, audit)
    assert repaired == ["a"]


async def test_no_more_than_one_look_up_of_stale_items_waits_for_the_index(
    audited: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps, audit = audited
    monkeypatch.setattr(index_audit, "SLICE_ITEMS", 2)
    for number in range(10):
        rows = deps.items.entries.partitions[partition_for(f"stale-{number}")]
        rows.change(f"stale-{number}").describe(b'{"title":"T"}', offset=number)
    repair, at_once = deps.index_writer.repair, 0

    async def counted(item_ids: Sequence[str]) -> None:
        nonlocal at_once
        at_once = max(at_once, len(item_ids) + len(deps.index_writer._repairs))
        await repair(item_ids)

    deps.index_writer.repair = counted  # type: ignore[method-assign]
    await looked_at(deps, audit)
    assert at_once == 2
    assert len(await deps.index.payloads([f"stale-{number}" for number in range(10)], ())) == 10


async def test_a_point_that_an_older_version_made_is_written_again(audited: Fixture) -> None:
    deps, audit = audited
    row = deps.items.row("b")
    assert row is not None
    await deps.index.upsert([Point("b", {}, {REVISION: row.revision()})])
    await looked_at(deps, audit)
    assert await deps.index.payloads(["b"], (REVISION,)) == {"b": {REVISION: revision_of(row)}}


async def test_what_has_no_row_is_removed_in_partitions_at_hand_and_left_in_others(audited: Fixture) -> None:
    deps, audit = audited
    strays = [f"stray-{number}" for number in range(600)]
    await deps.index.upsert([Point(item_id) for item_id in strays])
    others = {item_id for item_id in strays if partition_for(item_id) != 0}
    kept = deps.items.entries.partitions
    deps.items.entries.partitions = {0: kept[0]}
    audit.look()
    await until(lambda: _left(deps, strays, others))
    deps.items.entries.partitions = kept
    audit.look()
    await until(lambda: _left(deps, strays, set()))
    assert await shown(deps) == {"a", "b", "c"}


async def test_what_is_up_to_date_counts_in_what_is_rare(audited: Fixture) -> None:
    deps, _ = audited
    fresh = await restarted(deps)
    again = IndexAudit(
        deps.index, fresh, fresh.all_entries, deps.points, deps.index_writer, words := Vocabulary(), deps.scheduler
    )
    await again.start()
    again.look()
    await until(lambda: set(again._audited) == set(fresh.entries.partitions))
    await again.stop()
    assert {item_id for item_id in "abc" if item_id in words} == {"a", "b", "c"}
    query = np.ones(DIM, dtype=np.float32)
    assert fresh.table.rarity.turn(query).tolist() == deps.items.table.rarity.turn(query).tolist()
    assert fresh.table.rarity.turn(query).tolist() != Rarity(DIM).turn(query).tolist()


async def restarted(deps: Dependencies) -> Items:
    """The same items after a restart: recovered rows, and nothing asked yet."""
    items = Items("entries", "counts", DIM, deps.points.embed, PARTITIONS, deps.scheduler)
    for number, rows in deps.items.entries.partitions.items():
        copied = items.entries.partitions[number] = items.entries.blank_partition()
        for key in rows.keys():  # noqa: SIM118 - not a dict
            row = rows.get(key)
            assert row is not None
            copied.load(key.encode(), row.pack())
    await items.owned()
    return items


async def test_a_partition_that_went_away_before_its_turn_is_skipped(audited: Fixture) -> None:
    deps, audit = audited
    await deps.index.delete(["a"])
    kept, deps.items.entries.partitions = deps.items.entries.partitions, {}
    await audit.owned()
    await audit.lost()
    deps.items.entries.partitions = kept
    await audit.owned()
    await until(lambda: _equals(deps, {"a", "b", "c"}))
    assert not audit.crashed


async def test_a_partition_that_was_recovered_again_is_looked_at_again(audited: Fixture) -> None:
    deps, audit = audited
    await looked_at(deps, audit)
    await deps.index.delete(["b"])
    number = partition_for("b")
    old = deps.items.entries.partitions[number]
    new = deps.items.entries.partitions[number] = deps.items.entries.blank_partition()
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
    deps.items.entries.partitions[99] = deps.items.entries.blank_partition()
    deps.items.entries.partitions[99].load(b"other", ItemRow().pack())
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
    often = audit_of(deps, every_s=0.01)
    await often.start()
    try:
        await deps.index.delete(["b"])
        await until(lambda: _equals(deps, {"a", "b", "c"}))
        assert not often.behind
    finally:
        await often.stop()


async def looked_at(deps: Dependencies, audit: IndexAudit) -> None:
    """Have every row checked once."""
    audit.look()
    await until(lambda: set(audit._audited) == set(deps.items.entries.partitions))


async def _left(deps: Dependencies, item_ids: Sequence[str], expected: set[str]) -> bool:
    return set(await deps.index.payloads(item_ids, ())) == expected


async def _equals(deps: Dependencies, expected: set[str]) -> bool:
    return await shown(deps) == expected
