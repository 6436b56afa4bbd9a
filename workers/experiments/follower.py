"""Follows the topic of experiments (I/O): every worker reads all of it, and answers by it within a second.

A bad definition becomes a dead letter, written once: by the worker that owns the first partition of users, up to
where the group's committed offset says that letters were written.
"""

import logging
from collections import deque
from collections.abc import Callable

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from workers.agents.letters import Letters
from workers.errors import BadRecordError
from workers.experiments.definitions import Definitions
from workers.experiments.running import Running
from workers.metrics import Metrics
from workers.stream.chunk import Record
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import committed_reader
from workers.stream.ends import read_from_start
from workers.stream.writer import Writer

log = logging.getLogger(__name__)

POLL_MS = 500
MOST_REFUSED = 1_000
"""Bad definitions that wait for their letter; the oldest are dropped, and stay on the topic."""


class ExperimentFollower(Service):
    """Keeps `running` as the topic says; what it says at the start is known before the first answer."""

    def __init__(
        self,
        running: Running,
        writer: Writer,
        options: ClientOptions,
        metrics: Metrics,
        writes_letters: Callable[[], bool],
        *,
        topic: str,
        dead_letters: str,
        group_id: str,
        patience_s: float,
    ) -> None:
        super().__init__()
        self._running = running
        self._writer = writer
        self._options = options
        self._metrics = metrics
        self._writes_letters = writes_letters
        self._partition = TopicPartition(topic, 0)
        self._dead_letters = dead_letters
        self._group_id = group_id
        self._patience_s = patience_s
        self._definitions = Definitions()
        self._refused: deque[tuple[Record, BadRecordError]] = deque(maxlen=MOST_REFUSED)

    async def on_start(self) -> None:
        self._consumer = await connect(
            lambda: committed_reader(self._options, group_id=self._group_id, auto_offset_reset="earliest"),
            patience_s=self._patience_s,
        )
        end = await read_from_start(self._consumer, self._partition)
        while await self._consumer.position(self._partition) < end:
            await self._read()

    async def on_stop(self) -> None:
        await disconnect(self._consumer)

    @Service.task
    async def _follow_forever(self) -> None:
        while not self.should_stop:
            try:
                await self._read()
                if self._refused and self._writes_letters():
                    await self._write_letters()
            except KafkaError as error:
                log.warning("experiments can't be read now, those known go on: %r", error)
                await self.sleep(1.0)

    async def _read(self) -> None:
        records = (await self._consumer.getmany(timeout_ms=POLL_MS)).get(self._partition, ())
        for record in records:
            try:
                self._definitions.apply(record)
            except BadRecordError as error:
                log.warning("a bad definition of an experiment, offset %d: %s", record.offset, error)
                self._refused.append((record, error))
        if records:
            waiting = self._running.replace(self._definitions.current)
            for name, problem in waiting.items():
                log.warning("experiment %s waits: %s", name, problem)
            self._metrics.set_experiments(len(self._running), len(waiting), [one[0] for one in self._running.scored])

    async def _write_letters(self) -> None:
        written = await self._consumer.committed(self._partition) or 0
        letters = Letters("experiments")
        for record, error in self._refused:
            if record.offset >= written:
                letters.add(record, error)
        await letters.send(self._writer, self._dead_letters, self._metrics)
        await self._consumer.commit({self._partition: self._refused[-1][0].offset + 1})
        self._refused.clear()
