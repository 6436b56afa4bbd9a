"""Who may write a partition of a changelog (I/O): the broker refuses a replaced writer.

A worker that stood still for minutes goes on in the middle of a chunk, and no check of its own clock keeps a write
from arriving after its successor's. So each changelog partition is written under a producer id and an epoch of
its own, which Kafka's transaction coordinator gives out for a transactional id: asking raises the epoch, and a
partition refuses a batch of an older epoch than it has seen (docs/decisions/0009-zombies.md).
No transaction is ever begun; batches stay ordinary idempotent ones, at no cost.
"""

import logging
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import CoordinationType
from aiokafka.errors import KafkaError, for_code
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.transaction import InitProducerIdRequest
from tenacity import AsyncRetrying, before_sleep_log, retry_if_exception_type, stop_after_delay, wait_fixed

from workers.records.out import OutRecord

log = logging.getLogger(__name__)

# Of transactions that are never begun; the broker wants a number within its bounds.
TRANSACTION_TIMEOUT_MS = 60_000
# A new broker makes its transaction log at the first question, within a second.
RETRY_PAUSE_S = 0.1
# Makes our epoch known to the partition. A tombstone of no row: recovery passes over it, compaction removes it.
MARK = OutRecord(b"\x00fence", None)


@dataclass(slots=True)
class Fence:
    """The right to write one partition until another worker takes it.

    `base`: aiokafka's sequence number of its first record; `end`: offset after our last acknowledged record,
    None when the broker did not say.
    """

    producer_id: int
    epoch: int
    base: int
    end: int | None


class Fences:
    """The partitions that this process may write."""

    def __init__(self, producer: AIOKafkaProducer, owner: str, *, patience_s: float) -> None:
        self._producer = producer
        self._owner = owner
        self._patience_s = patience_s
        self._held: dict[TopicPartition, Fence] = {}

    def get(self, tp: TopicPartition) -> Fence | None:
        """Our right to write `tp`, None if it is not fenced."""
        return self._held.get(tp)

    def held(self, topic: str) -> set[int]:
        """Partitions of `topic` that we may write."""
        return {tp.partition for tp in self._held if tp.topic == topic}

    def drop(self, tp: TopicPartition) -> None:
        """`tp` is another worker's from now on."""
        self._held.pop(tp, None)

    async def take(self, tp: TopicPartition) -> None:
        """Take the right to write `tp`; others are shut out once a batch of ours is acknowledged.

        Nothing of ours may be on its way to `tp`. Raises `KafkaError` if no coordinator answers in time.
        """
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(KafkaError),
            stop=stop_after_delay(self._patience_s),
            wait=wait_fixed(RETRY_PAUSE_S),
            before_sleep=before_sleep_log(log, logging.DEBUG),
            reraise=True,
        ):
            with attempt:
                producer_id, epoch = await self._next_epoch(f"{self._owner}/{tp.topic}/{tp.partition}")
        self._held[tp] = Fence(producer_id, epoch, self._producer._txn_manager.sequence_number(tp), end=None)

    async def _next_epoch(self, transactional_id: str) -> tuple[int, int]:
        client = self._producer.client
        node = await client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
        answer = await client.send(node, InitProducerIdRequest(transactional_id, TRANSACTION_TIMEOUT_MS))
        if answer.error_code:
            raise for_code(answer.error_code)()
        return answer.producer_id, answer.producer_epoch


class FencedBatch(BatchBuilder):  # type: ignore[misc]
    """A batch under the epoch of its partition instead of its producer's."""

    def __init__(self, size: int, compression_type: int, fence: Fence) -> None:
        super().__init__(size, compression_type)
        self._fence = fence

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        # aiokafka counts the records of a partition since the producer's start, Kafka those of the epoch.
        sequence = (base_sequence - self._fence.base) % 2**31
        super()._set_producer_state(self._fence.producer_id, self._fence.epoch, sequence)
