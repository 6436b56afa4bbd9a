"""Carries the ranker's weights between workers over a compacted topic, keyed by worker (I/O).

Each worker publishes its own from time to time and takes the average with what others published lately. A
worker that starts takes the average of all that is there, however old: better than to begin anew.
"""

import asyncio
import logging
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from models.ranker import OnlineRanker
from models.ranker_weights import RankerWeights
from workers.metrics import Metrics
from workers.records.out import OutRecord
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import committed_reader
from workers.stream.ends import read_from_start
from workers.stream.writer import Writer

log = logging.getLogger(__name__)

POLL_MS = 500
# Workers remembered: every name that a service ever had stays on the topic.
MOST_HEARD = 256


class SharedWeights(Service):
    """Publishes one worker's weights every `interval_s`, and merges those of the others."""

    def __init__(
        self,
        ranker: OnlineRanker,
        writer: Writer,
        options: ClientOptions,
        metrics: Metrics,
        *,
        topic: str,
        worker_id: str,
        interval_s: float,
        patience_s: float,
    ) -> None:
        super().__init__()
        self._ranker = ranker
        self._writer = writer
        self._options = options
        self._metrics = metrics
        self._partition = TopicPartition(topic, 0)
        self._worker_id = worker_id
        self._interval_s = interval_s
        self._patience_s = patience_s
        self._heard: dict[str, RankerWeights] = {}
        self._published = 0

    async def on_start(self) -> None:
        self._consumer = await connect(lambda: committed_reader(self._options), patience_s=self._patience_s)
        end = await read_from_start(self._consumer, self._partition)
        await hear(self._consumer, self._partition, end, self._heard)
        if self._heard:
            newest = max(weights.time_ms for weights in self._heard.values())
            self._ranker.merge(list(self._heard.values()), newest)

    async def on_started(self) -> None:
        self._sharing = self.add_future(self._share_forever())

    async def on_stop(self) -> None:
        # First the reader, then what it reads with: a poll on a closed consumer would end the worker in disorder.
        self._sharing.cancel()
        await asyncio.wait([self._sharing])
        await disconnect(self._consumer)

    async def _share_forever(self) -> None:
        while not self.should_stop:
            await self.sleep(self._interval_s)
            try:
                end = (await self._consumer.end_offsets([self._partition]))[self._partition]
                await hear(self._consumer, self._partition, end, self._heard)
            except KafkaError as error:
                log.warning("weights of other workers can't be read now: %r", error)
            others = [weights for worker_id, weights in self._heard.items() if worker_id != self._worker_id]
            self._ranker.merge(others, int(time.time() * 1000))
            await self._publish()

    async def _publish(self) -> None:
        weights = self._ranker.weights
        self._metrics.ranker_returned.set(self._ranker.returned)
        if weights.examples == self._published:
            return
        await self._writer.send(self._partition.topic, 0, [OutRecord(self._worker_id.encode(), weights.pack())])
        self._published = weights.examples


async def hear(
    consumer: AIOKafkaConsumer, partition: TopicPartition, end: int, heard: dict[str, RankerWeights]
) -> None:
    """Read on to the offset `end`: the last weights of each worker, by worker, into `heard`.

    Of more than 256 workers those who published last stay.
    """
    while await consumer.position(partition) < end:
        for record in (await consumer.getmany(timeout_ms=POLL_MS)).get(partition, ()):
            worker_id = (record.key or b"").decode(errors="replace")
            try:
                heard[worker_id] = RankerWeights.unpack(record.value or b"")
            except ValueError as error:
                heard.pop(worker_id, None)
                log.warning("weights of worker %r are left out: %s", worker_id[:64], error)
            if len(heard) > MOST_HEARD:
                del heard[min(heard, key=lambda known: heard[known].time_ms)]
