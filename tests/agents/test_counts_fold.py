"""Rows of counts follow from the log of evidence alone: for its owner, however often killed, and for who follows."""

import random

import numpy as np
import pytest
from aiokafka import TopicPartition

from models.primitives.text import Vector
from models.state.control import Bound, Drop
from models.state.evidence import Evidence, Retraction
from tests.stream.builders import record_at
from workers.errors import BadRecordError
from workers.items.fold_counts import CountsFold
from workers.items.items import Items
from workers.records.out import OutRecord
from workers.scheduling import Scheduler
from workers.stream.chunk import Record
from workers.stream.table import TablePartition

TP = TopicPartition("item-transitions", 0)
ITEMS, ORIGINS = "abcdefgh", 3
BOUND = 3


class Log:
    """Evidence as workers of users send it: of each origin in order, but for what is sent again after a crash."""

    def __init__(self, seed: int, length: int) -> None:
        self.records: list[Record] = []
        self._rng = random.Random(seed)
        self._sent: dict[int, list[Evidence | Retraction]] = {origin: [] for origin in range(ORIGINS)}
        bound_at = self._rng.randrange(length)
        while len(self.records) < length:
            if len(self.records) >= bound_at:
                bound_at = 10 * length
                self._append(Bound(BOUND).pack())
            self._append_some()

    def _append_some(self) -> None:
        rng, origin = self._rng, self._rng.randrange(ORIGINS)
        sent, chance = self._sent[origin], self._rng.random()
        if chance < 0.1 and sent:
            for piece in sent[-rng.randint(1, 6) :]:
                self._append(piece.pack())
        elif chance < 0.2:
            for _ in range(rng.randint(1, 2)):  # an owner who was killed says it again
                self._append(Drop(tuple(rng.sample(ITEMS, 3))).pack())
        elif chance < 0.23:
            self._append(b"junk")
        elif chance < 0.3 and sent:
            self._send(origin, self._retraction(origin))
        else:
            at = self._next(origin)
            for item_id in rng.sample(ITEMS, rng.choice((1, 1, 2))):  # a basket is evidence for several items
                self._send(origin, self._evidence(item_id, (origin, at)))

    def _next(self, origin: int) -> int:
        sent = self._sent[origin]
        return sent[-1].origin[1] + self._rng.randint(1, 2) if sent else 0

    def _evidence(self, item_id: str, origin: tuple[int, int]) -> Evidence:
        rng, moment = self._rng, len(self.records)
        others = np.array(rng.sample(range(100, 112), 4), dtype=np.uint32)
        weight, stars = rng.choice((-1.0, 1.0)), rng.choice((None, 4.5))
        return Evidence(item_id, origin, moment, moment, weight, rng.random() < 0.8, others, True, stars, others[:2])

    def _retraction(self, origin: int) -> Retraction:
        pieces = [piece for piece in self._sent[origin] if isinstance(piece, Evidence)]
        item_id = self._rng.choice(pieces).item_id
        theirs = tuple(piece for piece in pieces if piece.item_id == item_id)
        return Retraction(item_id, (origin, self._next(origin)), theirs[-2:])

    def _send(self, origin: int, piece: Evidence | Retraction) -> None:
        self._sent[origin].append(piece)
        self._append(piece.pack())

    def _append(self, value: bytes) -> None:
        self.records.append(record_at(TP, len(self.records), None, value))


class Holder:
    """A worker's memory of the partition, as recovered from a changelog."""

    def __init__(self, changelog: list[OutRecord]) -> None:
        self.items = Items("entries", "counts", 1, _no_vector, 1, Scheduler())
        self.rows: TablePartition = self.items.counts.blank_partition()  # type: ignore[type-arg]
        for record in changelog:
            self.rows.load(record.key, record.value)
        self.items.counts.partitions = {0: self.rows}
        self._fold = CountsFold(self.items, self.rows)

    def fold(self, records: list[Record]) -> None:
        for record in records:
            try:
                self._fold.take(record)
            except BadRecordError:
                assert record.value == b"junk"

    def snapshot(self) -> list[OutRecord]:
        return [*self.rows.drain_changes(), *self.rows.notes()]

    def said(self) -> tuple[object, ...]:
        """All that rows are, and all that is said of them."""
        packed = {key: row.pack() for key in self.rows.keys() if (row := self.rows.get(key)) is not None}  # noqa: SIM118
        return packed, [(note.key, note.value) for note in self.rows.notes()]


class Owner:
    """Folds the log, and is killed between any two writes of a snapshot."""

    def __init__(self, log: Log, seed: int) -> None:
        self.changelog: list[OutRecord] = []
        self.committed = 0
        self.kills = 0
        self.holder = Holder([])
        self._log = log
        self._rng = random.Random(seed)
        self._at = 0

    def go_on(self) -> None:
        """Fold some records, and more while they are folded again; write the rows, perhaps die while doing it."""
        for record in self._log.records[self._at :]:
            self.holder.fold([record])
            self._at += 1
            if self._rng.random() < 0.08 and not self.holder.rows.folds_again:
                break
        snapshot = self.holder.snapshot()
        written = self._rng.randint(0, len(snapshot)) if self._rng.random() < 0.6 else len(snapshot)
        self.changelog += snapshot[:written]
        if written < len(snapshot):
            self.die(Holder(self.changelog))
        elif self._rng.random() < 0.8:  # else its chunks are finished, and not committed when it dies
            self.committed = self._at

    def die(self, successor: Holder) -> None:
        """Another one goes on from the last commit, with what it recovered, or with what it followed."""
        self.kills += 1
        successor.rows.forget_changes()
        self.holder, self._at = successor, self.committed

    @property
    def is_done(self) -> bool:
        return self.committed == len(self._log.records)


def folded_at_once(log: Log) -> Holder:
    holder = Holder([])
    holder.fold(log.records)
    return holder


@pytest.mark.parametrize("seed", range(40))
def test_an_owner_killed_between_any_two_writes_comes_to_the_rows_of_one_who_never_was(seed: int) -> None:
    log = Log(seed, length=300)
    owner = Owner(log, seed)
    while not owner.is_done:
        owner.go_on()
    assert owner.kills > 3
    assert owner.holder.said() == folded_at_once(log).said()
    assert Holder(owner.changelog).said() == owner.holder.said()


@pytest.mark.parametrize("seed", range(40))
def test_a_follower_has_the_rows_of_its_owner_and_takes_over_where_that_one_ended(seed: int) -> None:
    log, rng = Log(seed, length=300), random.Random(-seed)
    owner = Owner(log, seed)
    while not owner.is_done:
        if rng.random() < 0.3:  # begins with the changelog as it is now, torn snapshots and all
            follower = Holder(owner.changelog)
            follower.fold(log.records[owner.committed : max(owner.committed, len(log.records) - rng.randint(0, 99))])
            owner.die(follower)
        owner.go_on()
    follower = Holder(owner.changelog)
    follower.fold(log.records[owner.committed :])
    assert follower.said() == owner.holder.said() == folded_at_once(log).said()


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_any_later_snapshot_change_nothing_when_the_log_is_folded_again_from_any_offset(seed: int) -> None:
    log, rng = Log(seed, length=200), random.Random(seed)
    first = Holder([])
    end = rng.randint(1, len(log.records))
    first.fold(log.records[:end])
    again = Holder(first.snapshot())
    again.fold(log.records[rng.randint(0, end) :])
    assert again.said() == folded_at_once(log).said()


def test_drops_and_the_bound_did_something() -> None:
    log = Log(seed=1, length=300)
    holder = folded_at_once(log)
    assert holder.items.table.pairs.followed.cuts[0] > 0
    assert len(holder.rows.evicted) == ORIGINS
    assert holder.rows.bound == BOUND


def _no_vector(entry: dict[str, object]) -> Vector:
    return np.zeros(1, dtype=np.float32)
