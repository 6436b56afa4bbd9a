"""Kafka in memory under the interactions agent: it dies between any two writes, and starts again from its changelog."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from aiokafka import TopicPartition

from models.state.evidence import Evidence, Retraction, is_retraction
from models.state.user_state import UserState
from tests.agents.dependencies import NOW_MS, PARTITIONS, partition_for
from tests.stream.builders import record_at
from workers.admin.state.counts_row import CountsRow, counts_table
from workers.agents.interactions import handle
from workers.records.out import OutRecord
from workers.runtime.dependencies import Dependencies
from workers.stream.chunk import Chunk, Record
from workers.stream.repeats import Repeats
from workers.stream.table import NO_ID
from workers.stream.writer import Target, Writer

INTERACTIONS, REROUTED, CHANGELOG = "user-interactions", "interactions-rerouted", "user-state-changelog"
MAX_CHUNKS = 5_000


class KilledError(Exception):
    """The process is gone; what it had written stays."""


class World(Writer):
    """Topics, what a worker committed of them, and a worker that may be killed before any write."""

    def __init__(self, deps: Dependencies, seed: int, kill_share: float = 0.0) -> None:
        super().__init__({}, owner="test", patience_s=1.0)
        self.logs: dict[Target, list[Record]] = defaultdict(list)
        self.kills = 0
        self._deps = replace(deps, writer=self)
        self._rng = random.Random(seed)
        self._kill_share = kill_share
        self._committed: dict[Target, int] = defaultdict(int)
        self._writes_left: int | None = None
        self._repeats: list[Repeats] = []

    def publish(self, key: str, partition: int | None = None, **body: Any) -> tuple[int, int]:
        """A client's record; (partition, offset)."""
        target = (INTERACTIONS, partition_for(key) if partition is None else partition)
        self._append(target, OutRecord(key.encode(), orjson.dumps(body), (), NOW_MS))
        return target[1], len(self.logs[target]) - 1

    async def send_all(self, batches: Mapping[Target, Iterable[OutRecord]]) -> None:
        for target, records in batches.items():
            for record in records:
                if self._writes_left is not None:
                    self._writes_left -= 1
                    if self._writes_left < 0:
                        raise KilledError
                self._append(target, record)

    async def settle(self, chunk_records: int) -> None:
        """Fold until nothing is left to fold, in chunks of random partitions."""
        for _ in range(MAX_CHUNKS):
            self._end_phases()
            waiting = [t for t in list(self.logs) if t[0] in (INTERACTIONS, REROUTED) and self._waiting(t)]
            if not waiting:
                return
            await self._fold_some(self._rng.choice(waiting), self._rng.randint(1, chunk_records))
        raise AssertionError("records go round in circles")

    def users(self) -> dict[str, UserState]:
        """Rows as the changelog has them."""
        last = {record.key: record.value for (name, _), log in self.logs.items() if name == CHANGELOG for record in log}
        rows = {key or b"": value or b"" for key, value in last.items() if not (key or b"").startswith(NO_ID)}
        return {key.decode(): UserState.unpack(value) for key, value in rows.items()}

    def items(self) -> dict[str, CountsRow]:
        """Rows of counts that come out of all evidence."""
        rows = counts_table("item-counts-changelog").blank_partition()
        for (name, _), log in self.logs.items():
            for record in log if name == "item-transitions" else ():
                value = record.value or b""
                if is_retraction(value):
                    retraction = Retraction.unpack(value)
                    rows.change(retraction.item_id).use.retract(retraction)
                else:
                    evidence = Evidence.unpack(value)
                    rows.change(evidence.item_id).use.apply(evidence)
        return {item_id: rows.change(item_id) for item_id in rows.keys()}  # noqa: SIM118 - not a dict

    def letters(self) -> list[str]:
        """Reasons of all dead letters."""
        return [dict(r.headers)["tastestream.reason"].decode() for r in self.logs["dead-letters", 0]]  # type: ignore[union-attr]

    def _waiting(self, target: Target) -> list[Record]:
        """Records of `target` that are not committed and may be read now."""
        return self.logs[target][self._committed[target] : self._limit(target)]

    def _limit(self, target: Target) -> int | None:
        limits = (one.limit(TopicPartition(*target)) for one in self._repeats if TopicPartition(*target) in one.tps)
        return next(limits, None)

    def _end_phases(self) -> None:
        for repeats in self._repeats:
            for tp in reversed(repeats.tps):  # in the order of the phases
                if (limit := repeats.limit(tp)) and self._committed[tp] >= limit:
                    repeats.go_on()

    def _append(self, target: Target, record: OutRecord) -> None:
        log, tp = self.logs[target], TopicPartition(*target)
        log.append(record_at(tp, len(log), record.key, record.value, record.timestamp_ms or NOW_MS, record.headers))

    async def _fold_some(self, target: Target, size: int) -> None:
        chunk = Chunk(TopicPartition(*target), self._waiting(target)[:size], on_finish=lambda _: None)
        self._writes_left = self._rng.randrange(8) if self._rng.random() < self._kill_share else None
        try:
            await handle(chunk, self._deps)
            if self._writes_left is not None:
                raise KilledError
            self._committed[target] = chunk.next_offset
        except KilledError:
            self._writes_left = None
            self._restart()

    def _restart(self) -> None:
        self.kills += 1
        table = self._deps.users
        table.partitions = {partition: table.blank_partition() for partition in range(PARTITIONS)}
        for (name, partition), log in self.logs.items():
            for record in log if name == CHANGELOG else ():
                table.partitions[partition].load(record.key or b"", record.value)
        self._repeats = [self._repeats_of(partition, rows.begun) for partition, rows in table.partitions.items()]

    def _repeats_of(self, partition: int, begun: int) -> Repeats:
        main, side = TopicPartition(INTERACTIONS, partition), TopicPartition(REROUTED, partition)
        ends = {tp: len(self.logs[tp]) for tp in (main, side)}
        return Repeats(main, side, begun, {tp: self._committed[tp] for tp in ends}, ends)
