"""The consumer group member (I/O): which partitions are ours, and their rows before their records.

It stands in for Faust's own consumer and table recovery, whose rebalance loses records
(docs/decisions/0001-own-the-stream-core.md). Everything runs on the worker's one event loop.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from mode import Service

from workers.errors import ConfigurationError, DependencyError
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import committed_reader
from workers.stream.ends import log_ends, stable_ends
from workers.stream.reader import Reader, Route, Standing
from workers.stream.recovery import recover as recover_rows
from workers.stream.repeats import Repeats
from workers.stream.table import Table, TablePartition
from workers.stream.writer import RENEW_EVERY_S, Writer

log = logging.getLogger(__name__)

# Drain and commit must end before the broker expels us: no heartbeat is sent while we hand over.
DRAIN_SHARE_OF_SESSION = 0.8
# Bytes fetched of a partition at once: two chunks of small events. More is held for every partition, less
# costs a round trip a chunk; a larger record still comes whole.
FETCH_BYTES = 256 * 1024


Recover = Callable[[Table[Any], set[int]], Awaitable[dict[int, TablePartition[Any]]]]
"""What brings the rows of partitions of a table whose former writer is shut out."""


class Follower(Protocol):
    """Something that goes where the state goes: the request reader, the index pusher."""

    async def lost(self) -> None:
        """All partitions are about to be reassigned: stop using their rows."""

    async def owned(self) -> None:
        """The tables hold the rows of all partitions that are ours now."""


@dataclass(frozen=True, slots=True)
class MemberSettings:
    """Times in seconds; see the worker's settings of the same names."""

    group_id: str
    instance_id: str | None
    commit_interval_s: float
    session_timeout_s: float
    patience_s: float


class GroupMember(Service):
    """Joins the group, recovers rows of newly assigned partitions, then opens these for reading."""

    def __init__(
        self,
        options: ClientOptions,
        settings: MemberSettings,
        routes: Mapping[str, Route],
        tables: Mapping[str, Table[Any]],
        writer: Writer,
        followers: Sequence[Follower],
        sides: Mapping[str, str],
        hurry: Callable[[], None] = lambda: None,
        recover: Recover | None = None,
        check_ends: Callable[[Mapping[TopicPartition, int]], None] = lambda ends: None,
        note_committed: Callable[[Mapping[TopicPartition, int]], None] = lambda committed: None,
    ) -> None:
        """`sides`: topics that feed the rows of another one, see `Repeats`.

        `hurry`: told at a hand-over that chunks wait to be written. `recover`: brings the rows of partitions that are
        new to us, instead of reading them from the changelog. `check_ends`: given the ends of partitions of which
        nothing is committed, raises if rows know more.
        `note_committed`: given where reading goes on in partitions that are ours now, before it does.
        """
        super().__init__()
        self.ready = asyncio.Event()
        self._options = options
        self._settings = settings
        self._routes = routes
        self._tables = tables
        self._writer = writer
        self._followers = followers
        self._sides = sides
        self._hurry = hurry
        self._recover_rows = recover or self._from_changelog
        self._check_ends = check_ends
        self._note_committed = note_committed
        self._generation = -1
        self._recovering: asyncio.Future[None] | None = None

    async def on_start(self) -> None:
        self._consumer = await connect(self._new_consumer, patience_s=self._settings.patience_s)
        self._reader = Reader(
            self._consumer,
            self._routes,
            commit_interval_s=self._settings.commit_interval_s,
            drain_timeout_s=self._settings.session_timeout_s * DRAIN_SHARE_OF_SESSION,
        )
        await self.add_runtime_dependency(self._reader)
        self._consumer.subscribe(list(self._routes), listener=_Listener(self))

    async def on_stop(self) -> None:
        """Let agents finish what they hold, commit it, and leave the group so that others take over."""
        await self.hand_over()
        await disconnect(self._consumer)

    def lag(self) -> dict[TopicPartition, int]:
        """Records not yet finished, per owned partition."""
        return self._reader.lag()

    async def standings(self) -> dict[TopicPartition, Standing]:
        """How far each partition is that is open now."""
        return await self._reader.standings()

    async def hand_over(self) -> None:
        """Stop delivering, finish and commit what is out; ends the process if that takes too long."""
        self.ready.clear()
        if self._recovering is not None:
            self._recovering.cancel()
        self._hurry()
        try:
            await self._reader.close()
            for follower in self._followers:
                await follower.lost()
        except DependencyError as error:
            await self.crash(error)

    def take_over(self, assigned: Iterable[TopicPartition]) -> None:
        """Recover in the background (the group needs our heartbeats meanwhile), then open for reading."""
        if self.should_stop:  # the group was quicker than our leaving: taking rows now would shut out their next owner
            return
        generation = int(self._consumer._coordinator.generation)
        # Rows stay valid only from one generation to the next: in one that we missed, another worker
        # may have owned and changed them.
        if generation != self._generation + 1:
            for table in self._tables.values():
                table.partitions.clear()
        self._generation = generation
        ours = set(assigned)
        # At once: a recovery that the next generation cancels would leave rows that others may change meanwhile.
        for table in self._changelogs():
            table.partitions = {p: rows for p, rows in table.partitions.items() if p in self._share(table, ours)}
        self._recovering = self.add_future(self._recover(ours))

    async def _recover(self, assigned: set[TopicPartition]) -> None:
        self._check_assigned(assigned)
        await asyncio.gather(*(self._recover_table(table, assigned) for table in self._changelogs()))
        committed = {tp: await self._consumer.committed(tp) for tp in assigned}
        stable, ends = await self._ends(assigned)
        self._check_ends({tp: end for tp, end in ends.items() if committed[tp] is None})
        check_not_shorter(committed, ends)
        self._note_committed({tp: offset for tp, offset in committed.items() if offset is not None})
        for follower in self._followers:
            await follower.owned()
        self._reader.open(assigned, self._repeats(committed, stable))
        self.ready.set()
        log.info("ready: %d partitions are ours (generation %d)", len(assigned), self._generation)

    async def _ends(self, tps: set[TopicPartition]) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        """How far `tps` can be read, which is what to wait for, and where their logs end, which identifies new topics.

        An offset may be committed between the two: by a program that read what was not committed, or by a person.
        """
        options, patience_s = self._options, self._settings.patience_s
        return await asyncio.gather(
            stable_ends(options, tps, patience_s=patience_s), log_ends(options, tps, patience_s=patience_s)
        )

    def _repeats(
        self, committed: Mapping[TopicPartition, int | None], ends: Mapping[TopicPartition, int]
    ) -> Iterator[Repeats]:
        for side, main in self._sides.items():
            for partition, rows in self._tables[main].partitions.items():
                of_main, of_side = TopicPartition(main, partition), TopicPartition(side, partition)
                yield Repeats(of_main, of_side, rows.begun, committed, ends)

    def _check_assigned(self, assigned: set[TopicPartition]) -> None:
        """Topics of one table share their partitions; one that lacks them was deleted, perhaps to be created again."""
        for table in self._changelogs():
            topics = [topic for topic in self._routes if self._tables[topic] is table]
            shares = {topic: {tp.partition for tp in assigned if tp.topic == topic} for topic in topics}
            if any(share != shares[topics[0]] for share in shares.values()):
                # Not a restart's business: a static member gets the same assignment again.
                raise ConfigurationError(
                    f"partitions of topics that belong together differ: {shares}. One was deleted, and perhaps created "
                    "again: restore it, or delete the changelogs as well and let state be built from what is there"
                )

    async def _recover_table(self, table: Table[Any], assigned: set[TopicPartition]) -> None:
        ours = self._share(table, assigned)
        missing = ours - set(table.partitions)
        # First shut out who wrote them before, then read: nothing can be written behind our back.
        await self._writer.own(table.changelog, ours, missing)
        table.partitions |= await self._recover_rows(table, missing)

    async def _from_changelog(self, table: Table[Any], partitions: set[int]) -> dict[int, TablePartition[Any]]:
        return await recover_rows(self._options, table, partitions, patience_s=self._settings.patience_s)

    def _share(self, table: Table[Any], assigned: set[TopicPartition]) -> set[int]:
        return {tp.partition for tp in assigned if self._tables[tp.topic] is table}

    def _changelogs(self) -> list[Table[Any]]:
        return list({table.changelog: table for table in self._tables.values()}.values())

    @Service.task
    async def _renew_forever(self) -> None:
        await self.sleep(RENEW_EVERY_S)
        while not self.should_stop:  # a sleep that a stop cuts short must not renew: it would shut out a successor
            for table in self._changelogs():
                for partition, rows in list(table.partitions.items()):
                    async with rows.lock:
                        await self._writer.renew(table.changelog, partition)
            await self.sleep(RENEW_EVERY_S)

    def _new_consumer(self) -> AIOKafkaConsumer:
        session_ms = int(self._settings.session_timeout_s * 1000)
        return committed_reader(
            self._options,
            group_id=self._settings.group_id,
            group_instance_id=self._settings.instance_id,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            # Gives one worker the same partitions of topics with equal counts: rows meet their records.
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            rebalance_timeout_ms=session_ms,
        )


def check_not_shorter(committed: Mapping[TopicPartition, int | None], ends: Mapping[TopicPartition, int]) -> None:
    """A topic created again while we commit keeps our offsets, and would be read from its start without a word."""
    for tp, offset in sorted(committed.items()):
        if offset is not None and offset > ends[tp]:
            raise ConfigurationError(
                f"{tp.topic}[{tp.partition}] ends at offset {ends[tp]}, and {offset} was committed: the topic was "
                "deleted and created again, and its records would be taken for old ones. Run `tastestream rebuild`, or "
                "restore the topic"
            )


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, member: GroupMember) -> None:
        self._member = member

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._member.hand_over()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._member.take_over(assigned)
