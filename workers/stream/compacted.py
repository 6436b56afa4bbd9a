"""Follows a compacted topic of one partition: all that it holds at the start, then each record as it comes (I/O)."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service
from tenacity import AsyncRetrying, before_sleep_log, retry_if_exception_type, stop_after_delay, wait_exponential

from workers.errors import BadRecordError
from workers.metrics import Metrics
from workers.records.codes import reason_of
from workers.stream.chunk import Record
from workers.stream.connect import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    STOP_WITHIN_S,
    ClientOptions,
    connect,
    disconnect,
)
from workers.stream.consumers import committed_reader
from workers.stream.ends import read_from_start
from workers.stream.refused import Refusals

log = logging.getLogger(__name__)

# The longest wait for a record: one that is there comes at once. A stop waits for it.
POLL_MS = 500
# Skipped records of one poll that are logged one by one; a flood shows in the metric, not in the log.
LOGGED_AT_ONCE = 20


class Guidance(Protocol):
    """What the records of a topic mean to a worker."""

    def apply(self, record: Record) -> None:
        """Go by a record from now on; raises `BadRecordError` and changes nothing if it can't be used."""

    def settle(self, refused: int) -> None:
        """All records that came together were taken; of so many keys the newest record can't be used."""


class Letters(Protocol):
    """What makes dead letters of the skipped records, once for all workers: see `workers.dead_letters.refused`."""

    @property
    def group_id(self) -> str: ...

    def add(self, record: Record, error: Exception) -> None: ...

    async def write(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None: ...


class CompactedTopicFollower(Service):
    """Keeps `guidance` as the topic says; `refused`: what it says that can't be used.

    Records are skipped by the rule of `Refusals`, at the start as later. With `letters` they become dead letters.
    """

    def __init__(
        self,
        guidance: Guidance,
        options: ClientOptions,
        topic: str,
        metrics: Metrics,
        *,
        patience_s: float,
        letters: Letters | None = None,
    ) -> None:
        super().__init__()
        self.refused = Refusals()
        self._guidance = guidance
        self._options = options
        self._partition = TopicPartition(topic, 0)
        self._metrics = metrics
        self._patience_s = patience_s
        self._letters = letters
        self._end: int | None = None

    async def on_start(self) -> None:
        """What the topic holds is known before the first answer."""
        self._consumer = await connect(self._build_consumer, patience_s=self._patience_s)
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(KafkaError),
            stop=stop_after_delay(self._patience_s),
            wait=wait_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S),
            before_sleep=before_sleep_log(log, logging.WARNING),
            reraise=True,
        ):
            with attempt:
                await self._read_to_end()
        self._settle()

    async def on_started(self) -> None:
        self._following = self.add_future(self._follow())

    async def on_stop(self) -> None:
        # First the reader, then what it reads with: a poll on a closed consumer would end the worker in disorder.
        await asyncio.wait([self._following], timeout=STOP_WITHIN_S)
        self._following.cancel()
        await asyncio.wait([self._following])
        await disconnect(self._consumer)

    def _build_consumer(self) -> AIOKafkaConsumer:
        group_id = None if self._letters is None else self._letters.group_id
        return committed_reader(self._options, group_id=group_id, auto_offset_reset="earliest")

    async def _read_to_end(self) -> None:
        if self._end is None:
            self._end = await read_from_start(self._consumer, self._partition)
        while await self._consumer.position(self._partition) < self._end:
            await self._take()

    async def _follow(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self.should_stop:
            try:
                await self._take()
                if self._letters is not None:
                    await self._letters.write(self._consumer, self._partition)
                pause_s = FIRST_PAUSE_S
            except KafkaError as error:
                log.warning("%s can't be read now, what is known of it stays: %r", self._partition.topic, error)
                await self.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _take(self) -> None:
        records = (await self._consumer.getmany(self._partition, timeout_ms=POLL_MS)).get(self._partition, ())
        skipped: list[tuple[Record, Exception]] = []
        for record in records:
            error = self.refused.take(record, self._guidance.apply)
            if error is not None:
                skipped.append((record, error))
            await asyncio.sleep(0)  # an answer may be waiting
        self._report(skipped)
        if records:
            self._settle()

    def _report(self, skipped: Sequence[tuple[Record, Exception]]) -> None:
        for record, error in skipped:
            self._metrics.count_guidance_skipped(record.topic, reason_of(error))
            if self._letters is not None:
                self._letters.add(record, error)
        for record, error in skipped[:LOGGED_AT_ONCE]:
            known = isinstance(error, BadRecordError)
            position = f"{record.topic}[{record.partition}]@{record.offset}"
            log.warning(
                "skipped: %s, key %r: %s: %s",
                position,
                (record.key or b"")[:64],
                reason_of(error),
                error,
                exc_info=None if known else error,
            )
        if len(skipped) > LOGGED_AT_ONCE:
            log.warning("skipped: %d more of %s", len(skipped) - LOGGED_AT_ONCE, self._partition.topic)

    def _settle(self) -> None:
        self._guidance.settle(len(self.refused))
        self._metrics.set_guidance_refused(self._partition.topic, len(self.refused))
