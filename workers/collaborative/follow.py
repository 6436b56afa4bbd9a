"""Follows which version of the collaborative vectors answers (Kafka, read only); answers ask once each."""

import logging

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from workers.collaborative.versions import Versions
from workers.item_points import COLLABORATIVE_SPACES
from workers.metrics import Metrics
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import committed_reader
from workers.stream.ends import read_from_start

log = logging.getLogger(__name__)

POLL_MS = 500
PAUSE_S = 1.0


class ActiveVersion(Service):
    """`space`: the index's vectors that answers use now, None for none; `version`: which ones these are.

    Whoever answers reads it once: an answer never mixes two versions.
    """

    def __init__(self, options: ClientOptions, topic: str, metrics: Metrics, *, patience_s: float) -> None:
        super().__init__()
        self.space: str | None = None
        self.version: int | None = None
        self._options = options
        self._partition = TopicPartition(topic, 0)
        self._metrics = metrics
        self._patience_s = patience_s
        self._versions = Versions()

    async def on_start(self) -> None:
        self._consumer = await connect(lambda: committed_reader(self._options), patience_s=self._patience_s)
        end = await read_from_start(self._consumer, self._partition)
        await read_on(self._consumer, self._partition, end, self._versions)
        self._switch()

    async def on_stop(self) -> None:
        await disconnect(self._consumer)

    @Service.task
    async def _follow_forever(self) -> None:
        while not self.should_stop:
            try:
                batches = await self._consumer.getmany(timeout_ms=POLL_MS)
            except KafkaError as error:
                log.warning("versions of the item vectors can't be read now: %r", error)
                await self.sleep(PAUSE_S)
                continue
            for record in batches.get(self._partition, ()):
                _load(self._versions, record)
            if batches:
                self._switch()

    def _switch(self) -> None:
        slot = self._versions.active_slot()
        version = None if slot is None else self._versions.pointer.active
        if version != self.version:
            log.info("collaborative vectors: version %s answers, before it %s", version, self.version)
        self.space, self.version = None if slot is None else COLLABORATIVE_SPACES[slot], version
        self._metrics.set_vectors_version(version or 0)


async def read_on(consumer: AIOKafkaConsumer, partition: TopicPartition, end: int, versions: Versions) -> None:
    """Read to the offset `end`."""
    while await consumer.position(partition) < end:
        for record in (await consumer.getmany(timeout_ms=POLL_MS)).get(partition, ()):
            _load(versions, record)


def _load(versions: Versions, record: object) -> None:
    try:
        versions.load(record.key, record.value)  # type: ignore[attr-defined]
    except ValueError as error:
        log.warning("versions of the item vectors: %s", error)
