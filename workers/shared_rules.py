"""`recommendation-rules` (compacted, keyed by scenario) → the rules in force, in every worker and at once (I/O).

Rules that can't be used leave the scenario's last good ones in force. They are logged and shown as a metric by each
worker, and become one dead letter, written by the worker that owns the first partition of users.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from workers.agents.letters import Letters
from workers.errors import BadRecordError
from workers.metrics import Metrics
from workers.query.controls import RuleBook
from workers.records.rules import decode_rules
from workers.stream.chunk import Record
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import committed_reader
from workers.stream.ends import read_from_start
from workers.stream.writer import Writer
from workers.topics import Topics

log = logging.getLogger(__name__)

# The longest wait for a record: one that is there comes at once. A stop waits for it.
POLL_MS = 500
# Between tries while Kafka is away.
RETRY_S = 1.0
# Refused records that wait for somebody to write their letters; the log and the topic itself still have older ones.
MOST_WAITING = 100


class SharedRules(Service):
    """Keeps `book` like the topic; `writes_letters` says whether this worker is the one that writes dead letters."""

    def __init__(
        self,
        book: RuleBook,
        writer: Writer,
        options: ClientOptions,
        metrics: Metrics,
        topics: Topics,
        writes_letters: Callable[[], bool],
        *,
        group_id: str,
        patience_s: float,
    ) -> None:
        super().__init__()
        self._book = book
        self._writer = writer
        self._options = options
        self._metrics = metrics
        self._partition = TopicPartition(topics.recommendation_rules, 0)
        self._letters_to = topics.dead_letters
        self._writes_letters = writes_letters
        self._group_id = group_id
        self._patience_s = patience_s
        self._refused: set[bytes | None] = set()
        self._waiting: deque[tuple[Record, BadRecordError]] = deque(maxlen=MOST_WAITING)

    async def on_start(self) -> None:
        """Rules are in force before the first answer. The group only holds how far letters were written."""
        self._consumer = await connect(
            lambda: committed_reader(self._options, group_id=self._group_id, auto_offset_reset="earliest"),
            patience_s=self._patience_s,
        )
        end = await read_from_start(self._consumer, self._partition)
        while await self._consumer.position(self._partition) < end:
            await self._take()

    async def on_stop(self) -> None:
        await disconnect(self._consumer)

    @Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            try:
                await self._take()
                await self._write_letters()
            except KafkaError as error:
                log.warning("rules can't be read now, those in force stay: %r", error)
                await self.sleep(RETRY_S)

    async def _take(self) -> None:
        records = (await self._consumer.getmany(self._partition, timeout_ms=POLL_MS)).get(self._partition, ())
        for record in records:
            self.take(record)
            await asyncio.sleep(0)  # an answer may be waiting

    def take(self, record: Record) -> None:
        """Put one record's rules in force, or keep those before it."""
        try:
            scenario, rules = decode_rules(record.value, record.key)
            self._book.put(scenario, rules)
        except BadRecordError as error:
            self._refused.add(record.key)
            self._waiting.append((record, error))
            log.error("rules at offset %d are not taken, those before stay in force: %s", record.offset, error)
        else:
            self._refused.discard(record.key)
            log.info("rules of scenario %r: %s", scenario, "taken away" if rules is None else "in force")
        self._metrics.set_rules(len(self._book), len(self._refused))

    async def _write_letters(self) -> None:
        """Each refused record once, whoever wrote letters before us; a crash may repeat some."""
        if not self._waiting or not self._writes_letters():
            return
        written = await self._consumer.committed(self._partition) or 0
        letters = Letters("rules")
        for record, error in self._waiting:
            if record.offset >= written:
                letters.add(record, error)
        await letters.send(self._writer, self._letters_to, self._metrics)
        await self._consumer.commit({self._partition: self._waiting[-1][0].offset + 1})
        self._waiting.clear()
