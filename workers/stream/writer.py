"""Batched, idempotent writes to Kafka (I/O): they return when acknowledged, or end the process."""

import asyncio
from collections.abc import Collection, Iterable, Mapping

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from mode import Service

from workers.errors import DependencyError
from workers.messages.waiting import plain
from workers.records.codecs import CODECS, Codec
from workers.records.out import OutRecord
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.fences import MARK, FencedBatch, Fences

Target = tuple[str, int]

# Bytes in a batch before it is compressed. Below 64 KiB the fixed cost of a batch shows; the broker refuses above
# 1 MiB by default.
BATCH_BYTES = 512 * 1024
# Bytes in a request: a dead letter carries the largest record that a broker takes, plus its headers.
REQUEST_BYTES = 4 * 1024 * 1024
# The broker forgets an epoch that writes nothing for a day (`producer.id.expiration.ms`), and the coordinator one
# that are not used for a week (`transactional.id.expiration.ms`).
RENEW_EVERY_S = 8 * 3600.0


class Writer(Service):
    """Sends runs of records as our own batches (0.7 µs a record against 67 µs by Faust's table)."""

    def __init__(
        self,
        options: ClientOptions,
        *,
        owner: str,
        patience_s: float,
        codec: Codec = "none",
        uncompressed: Collection[str] = (),
    ) -> None:
        """`owner`: name of the group whose members fence each other.

        `uncompressed`: topics that others read as well, whose clients may lack the codec.
        """
        super().__init__()
        self._codec = CODECS[codec]
        self._uncompressed = frozenset(uncompressed)
        self._options = options
        self._owner = owner
        self._patience_s = patience_s

    async def on_start(self) -> None:
        self._producer = await connect(
            lambda: AIOKafkaProducer(
                **self._options,
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                max_batch_size=BATCH_BYTES,
                max_request_size=REQUEST_BYTES,
                request_timeout_ms=int(self._patience_s * 1000),
            ),
            patience_s=self._patience_s,
        )
        self._fences = Fences(self._producer, self._owner, patience_s=self._patience_s)

    async def on_stop(self) -> None:
        await disconnect(self._producer)

    async def send(self, topic: str, partition: int, records: Iterable[OutRecord]) -> None:
        """Write `records` to one partition in order; returns when all are acknowledged."""
        await self.send_all({(topic, partition): records})

    async def send_all(self, batches: Mapping[Target, Iterable[OutRecord]]) -> None:
        """Write to several partitions side by side; returns when all are acknowledged.

        Raises `DependencyError` after ending the worker: a later write must never be acknowledged
        past a lost one, so the only safe way on is a restart from what is committed.
        """
        try:
            await asyncio.gather(*(self._send_partition(topic, p, records) for (topic, p), records in batches.items()))
        except KafkaError as error:
            raise await self._ended(
                f"Kafka refused or did not acknowledge a write to {sorted(batches)[:3]}: {plain(error)}"
            ) from error

    async def own(self, topic: str, partitions: set[int], new: set[int]) -> None:
        """Be the one process that writes `partitions` of `topic`; those `new` to us are taken from their former owner.

        From then on a write of the one before is refused, so what is read after this call is all there is.
        """
        for partition in self._fences.held(topic) - partitions:
            self._fences.drop(TopicPartition(topic, partition))
        try:
            await asyncio.gather(*(self._take(TopicPartition(topic, partition)) for partition in new))
        except KafkaError as error:
            raise await self._ended(f"Kafka does not give the right to write {topic}: {plain(error)}") from error

    async def renew(self, topic: str, partition: int) -> None:
        """Keep Kafka from forgetting our epoch; nothing of ours may be on its way to the partition."""
        tp = TopicPartition(topic, partition)
        before = self._fences.get(tp)
        if before is None:
            return
        await self._take(tp)
        after = self._fences.get(tp)
        # Our mark must follow our last record: anything in between was written by a successor.
        if before.end is None or after is None or after.end != before.end + 1:
            raise await self._ended(f"{topic}[{partition}] was written by another worker")

    async def _take(self, tp: TopicPartition) -> None:
        await self._fences.take(tp)
        await self._send_partition(tp.topic, tp.partition, [MARK])

    async def _ended(self, problem: str) -> DependencyError:
        failure = DependencyError(f"{problem}. The worker ends; started again, it repeats from the last commit.")
        await self.crash(failure)
        return failure

    async def _send_partition(self, topic: str, partition: int, records: Iterable[OutRecord]) -> None:
        producer, tp = self._producer, TopicPartition(topic, partition)
        acknowledgements = []
        batch = self._batch(tp)
        for record in records:
            while batch.append(**fields_of(record)) is None:
                acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
                batch = self._batch(tp)
        if batch.record_count():
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
        written = await asyncio.gather(*acknowledgements)
        fence = self._fences.get(tp)
        if fence is not None and written:
            fence.end = written[-1].offset + batch.record_count() if written[-1].offset >= 0 else None

    def _batch(self, tp: TopicPartition) -> BatchBuilder:
        fence, codec = self._fences.get(tp), 0 if tp.topic in self._uncompressed else self._codec
        return BatchBuilder(BATCH_BYTES, codec) if fence is None else FencedBatch(BATCH_BYTES, codec, fence)


def fields_of(record: OutRecord) -> dict[str, object]:
    """What aiokafka calls the parts of a record."""
    return {
        "key": record.key,
        "value": record.value,
        "timestamp": record.timestamp_ms,
        "headers": list(record.headers),
    }
