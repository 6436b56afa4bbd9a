"""Reads owned partitions as chunks, hands them to agents, commits what they finished (I/O)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from mode import Service

from workers.errors import ConfigurationError, DependencyError
from workers.stream.chunk import Chunk, Record
from workers.stream.ledger import Ledger
from workers.stream.repeats import Repeats

log = logging.getLogger(__name__)

# With every chunk that may be out still out, poll again after this long. Shorter costs wake-ups,
# longer leaves an agent idle between its chunks.
BLOCKED_PAUSE_S = 0.01
# Chunks that only wait for rows or the index to be written may be out besides: agents go on meanwhile.
PARKED = 6
# With nothing to read a poll returns after this long; data ends it at once.
IDLE_POLL_MS = 500
# How long a hand-over waits for rows that are folded again, and for an index that does not answer. What it leaves is
# repeated by the next owner.
INDEX_GRACE_S = 2.0
# A commit that takes longer meets a broker that is away: the next one says the same, or more.
COMMIT_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Route:
    """Where the chunks of a topic go, how long they are, and how many of a partition an agent may have at once.

    A few keep the agent busy while the next ones are fetched; many would be short ones, which cost more, hold memory
    and lengthen the drain before a rebalance. `parked`: how many may be out besides of which all is folded, and
    `for_index`: whether these wait for the index.
    `offsets_in_rows`: a lower offset than before would be skipped by rows.
    """

    put: Callable[[Chunk], Awaitable[None]]
    chunk_records: int
    chunks_out: int
    parked: int = PARKED
    for_index: bool = True
    offsets_in_rows: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one partition is: next offset to be delivered, next to be committed, chunks not finished.

    `end`: as far as Kafka lets us read, which is no further than the first record of a transaction that is open.
    `waits_for_index`: the oldest of these chunks lacks nothing else.
    """

    position: int
    finished: int | None
    end: int
    chunks_out: int
    waits_for_index: bool = False

    @property
    def has_work(self) -> bool:
        """Whether something should move."""
        return self.chunks_out > 0 or self.end > self.position

    @property
    def mark(self) -> tuple[bool, int | None]:
        """What changes when it does: the commit while agents hold chunks, else the position."""
        return (True, self.finished) if self.chunks_out else (False, self.position)


class Reader(Service):
    """Delivers only from partitions that are open; commits exactly to the last finished record + 1."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        routes: Mapping[str, Route],
        *,
        commit_interval_s: float,
        drain_timeout_s: float,
    ) -> None:
        super().__init__()
        self._consumer = consumer
        self._routes = routes
        self._commit_interval_s = commit_interval_s
        self._drain_timeout_s = drain_timeout_s
        self._ledger = Ledger()
        self._open: set[TopicPartition] = set()
        self._repeats: dict[TopicPartition, Repeats] = {}

    async def on_started(self) -> None:
        for topic, route in self._routes.items():
            self.add_future(self._read_forever(topic, route))
        self.add_future(self._commit_forever())

    def open(self, tps: Iterable[TopicPartition], repeats: Iterable[Repeats] = ()) -> None:
        """Deliver from exactly these partitions from now on; what `repeats` name in their order."""
        self._ledger.forget_positions()
        self._open = set(tps)
        self._repeats = {tp: one for one in repeats for tp in one.tps}

    async def close(self) -> None:
        """Deliver nothing more, take back what waits, let agents finish what they began, and commit it.

        Raises `DependencyError` when they do not finish in time: half-done work must not be handed
        over, so the caller ends the process and the work is repeated from the last commit.
        """
        self._open = set()
        self._ledger.withdraw_waiting()
        await self._drain()
        await self._commit()

    def lag(self) -> dict[TopicPartition, int]:
        """Records of each open partition whose effects are not all acknowledged yet (known ends only)."""
        ours = self._consumer.assignment()  # without one for a moment in a rebalance, and in a stop
        return {tp: lag for tp in self._open & ours if (lag := self._lag_of(tp)) is not None}

    async def standings(self) -> dict[TopicPartition, Standing]:
        """Each open partition that may be read, as Kafka and we see it now; KafkaError if Kafka does not answer."""
        readable = [tp for tp in self._open if self._limit(tp) != 0]
        ends = await self._consumer.end_offsets(readable) if readable else {}
        found = {}
        for tp, end in ends.items():
            with suppress(IllegalStateError):  # the assignment changed meanwhile
                position = await self._consumer.position(tp)
                finished, out = self._ledger.finished_to(tp), self._ledger.outstanding(tp)
                for_index = self._routes[tp.topic].for_index and self._ledger.is_parked(tp)
                found[tp] = Standing(position, finished, end, out, for_index)
        return found

    async def _read_forever(self, topic: str, route: Route) -> None:
        while not self.should_stop:
            of_topic = [tp for tp in self._open if tp.topic == topic]
            try:
                free = [tp for tp in of_topic if self._has_room(tp, route) and await self._has_its_turn(tp)]
                if not free:
                    await asyncio.sleep(BLOCKED_PAUSE_S)
                    continue
                await self._pass_gaps(free)
                poll_ms = IDLE_POLL_MS if len(free) == len(of_topic) else int(BLOCKED_PAUSE_S * 1000)
                batches = await self._consumer.getmany(*free, timeout_ms=poll_ms, max_records=route.chunk_records)
            except IllegalStateError:  # the assignment changed under the poll
                await asyncio.sleep(BLOCKED_PAUSE_S)
                continue
            for tp, records in batches.items():
                await self._deliver(tp, records, route)

    async def _pass_gaps(self, tps: Sequence[TopicPartition]) -> None:
        """Count as finished what a poll went past without bringing it: ends of transactions, and what was aborted.

        Else such a partition would look unfinished, and uncommitted to Kafka's tools, until its next record. At this
        point all that was polled is delivered; a partition that is handed over meanwhile is left alone.
        """
        opened = self._open
        for tp in tps:
            position = await self._consumer.position(tp)
            if self._open is opened and not self._ledger.outstanding(tp):
                self._ledger.go_past(tp, position)

    def _has_room(self, tp: TopicPartition, route: Route) -> bool:
        outstanding = self._ledger.outstanding(tp)
        return outstanding < route.chunks_out + route.parked and self._ledger.at_work(tp) < route.chunks_out

    async def _has_its_turn(self, tp: TopicPartition) -> bool:
        """Whether `tp` may be read now; ends its phase when all of it is finished."""
        limit = self._limit(tp)
        if not limit:
            return limit is None
        # Not what was delivered: the last offsets may be those of records that are gone, or of a transaction's end.
        if await self._consumer.position(tp) < limit:
            return True
        if not self._ledger.outstanding(tp):
            self._repeats[tp].go_on()
        return False

    def _limit(self, tp: TopicPartition) -> int | None:
        """The offset that `tp` may be read up to now, 0 while another topic goes first; None for no limit."""
        return self._repeats[tp].limit(tp) if tp in self._repeats else None

    async def _deliver(self, tp: TopicPartition, records: Sequence[Record], route: Route) -> None:
        if tp not in self._open:
            self._give_back(tp, records[0].offset)
            return
        records = self._of_its_turn(tp, records)
        if not records:
            return
        self._check_offset(tp, records[0].offset, route)
        chunk = Chunk(tp, records, on_finish=lambda done: self._ledger.settle(done.tp))
        self._ledger.deliver(chunk)
        await route.put(chunk)

    def _of_its_turn(self, tp: TopicPartition, records: Sequence[Record]) -> Sequence[Record]:
        limit = self._limit(tp)
        if limit is None or records[-1].offset < limit:
            return records
        kept = [record for record in records if record.offset < limit]
        self._give_back(tp, records[len(kept)].offset)
        return kept

    def _check_offset(self, tp: TopicPartition, offset: int, route: Route) -> None:
        finished = self._ledger.finished_to(tp)
        if route.offsets_in_rows and finished is not None and offset < finished:
            raise ConfigurationError(
                f"{tp.topic}[{tp.partition}] goes on at offset {offset} after {finished - 1}: the topic was deleted "
                "and created again, and its records would be taken for old ones. Delete the changelogs as well and let "
                "state be built from what is there, or restore the topic"
            )

    def _give_back(self, tp: TopicPartition, offset: int) -> None:
        # A poll can outlast a rebalance and bring records of the new assignment before its rows are recovered:
        # without the seek they would never be read.
        if tp in self._consumer.assignment():
            self._consumer.seek(tp, offset)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while unfinished := self._ledger.unfinished():
            waited_s = loop.time() - began
            if waited_s > min(INDEX_GRACE_S, self._drain_timeout_s) and self._ledger.leave_parked():
                log.warning("%s are folded and not written: left uncommitted, to be repeated", unfinished[:3])
                return
            if waited_s > self._drain_timeout_s:
                raise DependencyError(
                    f"chunks of {unfinished[:3]} did not finish within {self._drain_timeout_s} s. "
                    "The worker ends; started again, it repeats them from the last commit."
                )
            await asyncio.sleep(BLOCKED_PAUSE_S)

    async def _commit_forever(self) -> None:
        while not self.should_stop:
            await self.sleep(self._commit_interval_s)
            await self._commit()

    async def _commit(self) -> None:
        offsets = self._ledger.committable()
        if not offsets:
            return
        try:
            await asyncio.wait_for(self._consumer.commit(offsets), COMMIT_WITHIN_S)
        except (CommitFailedError, IllegalStateError) as error:
            # The group has given these partitions to another worker, which repeats from the last commit.
            log.warning("commit refused (%s): these partitions are no longer ours", error)
            self._ledger.confirm(offsets)
        except (KafkaError, TimeoutError) as error:
            log.warning("commit failed (%r): tried again with the next one", error)
        else:
            self._ledger.confirm(offsets)

    def _lag_of(self, tp: TopicPartition) -> int | None:
        end = self._consumer.last_stable_offset(tp)  # what is behind it can't be read, and does not wait for us
        finished = self._ledger.finished_to(tp)
        return None if end is None or finished is None else max(0, end - finished)
