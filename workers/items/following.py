"""Keeps the items of partitions that other workers own as their owners have them; it never writes (Kafka).

Entries come from their changelog. Counts come from the log of evidence, folded over the rows of their changelog by the
function that the owner folds by: so a follower is milliseconds behind, although rows are written every few seconds.
Whoever takes a partition over has nearly all of it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError
from mode import Service

from workers.errors import BadRecordError, ConfigurationError, DependencyError
from workers.items.feed import Feed
from workers.items.fold_counts import CountsFold
from workers.items.items import Items
from workers.scheduling import Scheduler
from workers.stream.chunk import Record
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import committed_reader, log_reader
from workers.stream.ends import log_ends, stable_ends
from workers.stream.recovery import recover
from workers.stream.table import NO_ID, Table, TablePartition

log = logging.getLogger(__name__)

PAUSE_S = 0.5
# Longer behind than this, tombstones may be gone that were never read (`delete.retention.ms` is a day).
STALE_S = 12 * 3600.0
# What is left to be read of a partition that is taken over is milliseconds old; after so long all of it is read again.
CATCH_UP_S = 10.0


class ItemFollower(Service):
    """Follows all partitions of items but those that are ours."""

    def __init__(
        self,
        items: Items,
        options: ClientOptions,
        evidence_topic: str,
        group_id: str,
        scheduler: Scheduler,
        on_entry: Callable[[str], None],
        on_partition: Callable[[], None],
        *,
        item_partitions: int,
        patience_s: float,
    ) -> None:
        """`on_entry` is told the id of each item whose entry is new, or was changed, or is gone.

        `on_partition` is called when all entries of a partition were read, in place of a call for each of them.
        """
        super().__init__()
        self._items = items
        self._options = options
        self._evidence_topic = evidence_topic
        self._group_id = group_id
        self._scheduler = scheduler
        self._on_entry = on_entry
        self._on_partition = on_partition
        self._partitions = frozenset(range(item_partitions))
        self._patience_s = patience_s
        self._wanted: set[int] = set()
        self._entries = Feed(items.entries.changelog)
        self._evidence = Feed(evidence_topic)
        self._rows: dict[int, tuple[TablePartition[Any], CountsFold, TablePartition[Any]]] = {}
        self._damaged: set[int] = set()
        self._load = asyncio.Event()
        self._loaded = asyncio.Event()
        self._complete_once = False

    async def on_start(self) -> None:
        self._entries.consumer = await connect(self._log_reader, patience_s=self._patience_s)
        self._evidence.consumer = await connect(self._evidence_reader, patience_s=self._patience_s)

    async def on_stop(self) -> None:
        for feed in (self._entries, self._evidence):
            feed.positions.clear()
            await disconnect(feed.consumer)

    async def lost(self) -> None:
        """Partitions are about to be reassigned; what is followed goes on."""

    async def owned(self) -> None:
        """Follow what is not ours from now on; at a start, no answer is given before all of it was read."""
        ours = set(self._items.entries.partitions)
        self._wanted = set(self._partitions - ours)
        for number in ours:
            self._forget(number)
        self._loaded.clear()
        self._load.set()
        if not self._complete_once:
            await self._loaded.wait()
            self._complete_once = True

    async def take_over(self, table: Table[Any], partitions: set[int]) -> dict[int, TablePartition[Any]]:
        """Rows of partitions that are ours from now on, whose former writer is shut out: what is left is read first."""
        found: dict[int, TablePartition[Any]] = {}
        if table in (self._items.entries, self._items.counts):
            self._wanted -= partitions  # what is being read whole must not come after the rows of ours
            feed = self._entries if table is self._items.entries else self._evidence
            ready = {p for p in partitions & feed.positions.keys() & self._rows.keys() if p not in self._damaged}
            found = await self._caught_up(table, feed, ready)
        rest = partitions - found.keys()
        return found | await recover(self._options, table, rest, patience_s=self._patience_s)

    async def _caught_up(self, table: Table[Any], feed: Feed, ready: set[int]) -> dict[int, TablePartition[Any]]:
        if not ready:
            return {}
        ends = await (log_ends if feed is self._entries else stable_ends)(
            self._options, [TopicPartition(feed.topic, p) for p in ready], patience_s=self._patience_s
        )
        deadline = time.monotonic() + CATCH_UP_S
        behind = set(ready)
        while behind and time.monotonic() < deadline:
            behind = {p for p in ready if feed.positions.get(p, -1) < ends[TopicPartition(feed.topic, p)]}
            if behind:
                await asyncio.sleep(0.005)
        found = {}
        for number in ready - behind - self._damaged:
            feed.leave(number)
            entries, _, counts = self._rows[number]
            found[number] = entries if feed is self._entries else counts
        return found

    @Service.task
    async def _load_forever(self) -> None:
        while not self.should_stop:
            await self._load.wait()
            self._load.clear()
            missing = {number for number in self._wanted if not self._follows(number)}
            try:
                if missing:
                    await self._read_whole(missing)
                if not self._load.is_set():
                    self._loaded.set()
            except (KafkaError, OSError, DependencyError) as error:
                log.warning("items of other workers can't be read now: %r", error)
                self._load.set()
                await self.sleep(PAUSE_S)

    async def _read_whole(self, numbers: set[int]) -> None:
        """Both halves of these partitions as their changelogs have them, and from where the log of evidence goes on."""
        starts = {number: await self._committed(number) for number in numbers}
        self._damaged -= numbers

        def damaged(number: int, problem: str) -> None:
            self._damaged.add(number)
            log.error("followed, but not to be owned before it is healed: %s", problem)

        async def read(table: Table[Any]) -> dict[int, TablePartition[Any]]:
            return await recover(self._options, table, numbers, patience_s=self._patience_s, on_malformed=damaged)

        entries, counts = await read(self._items.entries), await read(self._items.counts)
        for number in sorted(numbers):
            if number in self._wanted:
                await self._items.enter(number, entries[number])
            if number in self._wanted:
                await self._items.count(number, counts[number])
            self._items.table.settle()
            if number not in self._wanted:
                continue
            fold = CountsFold(self._items, counts[number])
            self._rows[number] = (entries[number], fold, counts[number])
            self._entries.go_on(number, entries[number].read_to)
            self._evidence.go_on(number, starts[number])
        self._on_partition()

    def _follows(self, number: int) -> bool:
        """Whether a partition is followed; one whose take-over did not end is read again."""
        return number in self._rows and number in self._entries.positions and number in self._evidence.positions

    async def _committed(self, number: int) -> int:
        tp = TopicPartition(self._evidence_topic, number)
        committed = await self._evidence.consumer.committed(tp)
        if committed is not None:
            return int(committed)
        return int((await self._evidence.consumer.beginning_offsets([tp]))[tp])

    @Service.task
    async def _follow_entries(self) -> None:
        await self._follow(self._entries, self._take_entry)

    @Service.task
    async def _follow_evidence(self) -> None:
        await self._follow(self._evidence, self._take_evidence)

    async def _follow(self, feed: Feed, take: Callable[[int, Record], None]) -> None:
        while not self.should_stop:
            try:
                records = await feed.poll()
            except OffsetOutOfRangeError as error:
                self._read_again({tp.partition for tp in error.args[0]}, "its log was cut off before we got there")
            except (KafkaError, IllegalStateError, OSError) as error:
                log.warning("%s can't be followed now: %r", feed.topic, error)
                await self.sleep(PAUSE_S)
            else:
                for number, batch in records.items():
                    for record in batch:
                        if feed.is_current(number):
                            take(number, record)
                        await self._scheduler.rest(feed.topic)
                self._items.table.settle()
                await feed.advance()
            if feed.positions and time.monotonic() - feed.polled_s > STALE_S:
                self._read_again(set(feed.positions), "nothing could be read of it for hours")

    def _take_entry(self, number: int, record: Record) -> None:
        rows = self._rows[number][0]
        try:
            rows.load(record.key, record.value)
            if not record.key or record.key.startswith(NO_ID):
                return
            item_id = (record.key or b"").decode()
            row = rows.get(item_id)
        except (ValueError, ConfigurationError) as error:
            self._damaged.add(number)
            log.error("followed, but not to be owned before it is healed: %s", error)
            return
        if row is not None:
            self._items.described(item_id, row)
        else:
            self._items.removed(item_id)
        rows.reconsider(item_id)
        self._on_entry(item_id)

    def _take_evidence(self, number: int, record: Record) -> None:
        fold, rows = self._rows[number][1:]
        try:
            fold.take(record)
        except BadRecordError as error:
            log.debug("its owner makes a dead letter of it: %s", error)
        except ConfigurationError as error:
            self._damaged.add(number)
            log.error("followed, but not to be owned before it is healed: %s", error)
        rows.forget_changes()

    def _read_again(self, numbers: set[int], why: str) -> None:
        log.warning("partitions %s of items are read from their start: %s", sorted(numbers), why)
        for number in numbers:
            self._forget(number)
        self._load.set()

    def _forget(self, number: int) -> None:
        self._rows.pop(number, None)
        self._entries.leave(number)
        self._evidence.leave(number)

    def _log_reader(self) -> AIOKafkaConsumer:
        return log_reader(self._options, auto_offset_reset="none", max_partition_fetch_bytes=1 << 20)

    def _evidence_reader(self) -> AIOKafkaConsumer:
        return committed_reader(
            self._options, group_id=self._group_id, auto_offset_reset="none", max_partition_fetch_bytes=1 << 20
        )
