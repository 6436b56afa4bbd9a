"""Counts at their bounds: their owner says in the log of evidence what leaves, and acts when it reads it."""

from typing import Any

import numpy as np
from aiokafka import TopicPartition

from models.state.control import Bound, Drop, control_of
from models.state.evidence import Evidence
from tests.agents.dependencies import NOW_MS, Sent, chunk_of_records, done, json_record, partition_for, running_deps
from tests.stream.builders import record_at
from workers.agents import catalog, transitions
from workers.items.room import BOUND_ENTRIES
from workers.records.out import OutRecord
from workers.runtime.dependencies import Dependencies
from workers.stream.chunk import Record

TP = TopicPartition("item-transitions", 0)
NAMES = [f"i{n}" for n in range(40) if partition_for(f"i{n}") == 0]


class EvidenceLog:
    """Partition 0 of the evidence: what users' workers send, and what the owner says."""

    def __init__(self, deps: Dependencies, sent: Sent) -> None:
        self._deps = deps
        self._sent = sent
        self._length = 0

    async def tell(self, *item_ids: str, at: int, predecessors: int = 0) -> list[bytes]:
        """One record of a user concerns these items; what the owner says then."""
        before = np.arange(predecessors, dtype=np.uint32)
        pieces = [Evidence(item_id, (0, at), at, NOW_MS, 1.0, True, before) for item_id in item_ids]
        return await self.fold(*(piece.pack() for piece in pieces))

    async def fold(self, *values: bytes) -> list[bytes]:
        """The owner reads this; what it says, which it does not read yet. Returns once the rows are written."""
        already = len(self._said())
        chunk = chunk_of_records(*map(self._record, values))
        await transitions.handle(chunk, self._deps)
        await done(chunk)
        return self._said()[already:]

    def _said(self) -> list[bytes]:
        return [record.value or b"" for record in self._sent.to(TP.topic)]

    def _record(self, value: bytes) -> Record:
        self._length += 1
        return record_at(TP, self._length - 1, None, value)


def held(deps: Dependencies) -> list[str]:
    return list(deps.items.counts.partitions[0].keys())


def evictions(deps: Dependencies) -> float:
    name, table = "tastestream_state_evictions_total", {"table": "items"}
    return deps.metrics.registry.get_sample_value(name, table) or 0.0


async def full(deps: Dependencies, log: EvidenceLog) -> bytes:
    """Three items where two have room; what the owner says of it."""
    await log.tell(*NAMES[:3], at=0)
    [said] = await log.tell(NAMES[2], at=1)  # the first three are known to be unknown once they are written
    return said


async def test_what_is_over_the_bound_is_said_once_and_dropped_when_it_is_read() -> None:
    async with running_deps(max_unknown_items=4) as (deps, sent):
        log = EvidenceLog(deps, sent)
        said = await full(deps, log)
        assert control_of(said) == Drop((NAMES[0],))
        assert await log.tell(NAMES[2], at=2) == [], "it is on its way"
        assert (held(deps)[0], evictions(deps)) == (NAMES[0], 0)
        assert await log.fold(said) == []
        assert (sorted(held(deps)), evictions(deps)) == (sorted(NAMES[1:3]), 1)
        assert deps.items.table.users_of(NAMES[0]) == 0
        written = [record for record in sent.to("item-counts-changelog") if record.key == NAMES[0].encode()]
        assert written[-1] == OutRecord(NAMES[0].encode(), None)
        await log.tell(NAMES[3], at=3)
        assert await log.tell(NAMES[3], at=4), "the next one is too many again"


async def test_a_row_that_began_after_the_record_stays_when_that_comes_again() -> None:
    async with running_deps(max_unknown_items=4) as (deps, sent):
        log = EvidenceLog(deps, sent)
        said = await full(deps, log)
        await log.fold(said)
        await log.tell(NAMES[0], at=5)
        again = chunk_of_records(record_at(TP, 4, None, said))
        await transitions.handle(again, deps)
        assert NAMES[0] in held(deps)


async def test_evidence_that_comes_again_for_an_item_that_went_does_not_count() -> None:
    async with running_deps(max_unknown_items=4) as (deps, sent):
        log = EvidenceLog(deps, sent)
        await log.fold(await full(deps, log))
        await log.tell(NAMES[0], at=0)
        await log.tell(NAMES[2], at=1)
        assert NAMES[0] not in held(deps) and deps.items.table.users_of(NAMES[2]) == 2
        await log.tell(NAMES[3], at=1)  # named by the record that others got last, and new here
        await log.tell(NAMES[0], at=2)
        assert [deps.items.table.users_of(NAMES[n]) for n in (0, 3)] == [1, 1]


async def test_items_of_the_catalog_stay_while_unknown_ones_leave() -> None:
    async with running_deps(max_unknown_items=4) as (deps, sent):
        log = EvidenceLog(deps, sent)
        described = json_record("item-catalog", 0, NAMES[0], {"item_id": NAMES[0], "title": "T"})
        await catalog.handle(chunk_of_records(described), deps)
        assert await log.tell(*NAMES[:3], at=0) + await log.tell(NAMES[2], at=1) == []
        await log.tell(NAMES[3], at=2)
        [said] = await log.tell(NAMES[3], at=3)
        assert control_of(said) == Drop((NAMES[1],))


async def test_the_bound_of_pairs_is_said_once_when_there_are_too_many_of_them() -> None:
    async with running_deps(max_pairs=10) as (deps, sent):
        log = EvidenceLog(deps, sent)
        assert await log.tell(NAMES[0], at=0, predecessors=10) == []
        [said] = await log.tell(NAMES[1], at=1, predecessors=1)
        assert control_of(said) == Bound(BOUND_ENTRIES)
        rows = deps.items.counts.partitions[0]
        assert rows.bound == 0
        assert await log.tell(NAMES[1], at=2) == []
        assert await log.fold(said) + await log.tell(NAMES[1], at=3) == []
        assert rows.bound == BOUND_ENTRIES


async def test_who_lost_a_partition_before_it_read_what_it_said_may_say_it_again() -> None:
    async with running_deps(max_unknown_items=4) as (deps, sent):
        await full(deps, EvidenceLog(deps, sent))
        written = sent.to("item-counts-changelog")
        recovered: Any = deps.items.counts.blank_partition()
        for record in written:
            recovered.load(record.key, record.value)
        deps.items.counts.partitions[0] = recovered
        await deps.items.owned()
        before = len(sent.to(TP.topic))
        await deps.counts_room.make(0)
        assert len(sent.to(TP.topic)) == before + 1
