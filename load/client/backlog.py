"""How much of the stream is not in answers yet, as Kafka knows it (touches Kafka).

A worker commits a record only after its effects: an interaction after its evidence and state, evidence and
catalog items after the index has them. Committed up to the end therefore means folded and indexed.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from load.client.kafka import Bootstrap, options_of, unusable
from load.datasets.errors import LoadError
from workers.messages.waiting import plain


class Backlog:
    """What one consumer group has not committed; made by `open_backlog`."""

    def __init__(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group_id: str) -> None:
        self._admin = admin
        self._consumer = consumer
        self._group_id = group_id

    async def left(self) -> Counter[str]:
        """Records per topic that can be read and are not committed; raises LoadError if Kafka does not answer."""
        try:
            committed = await self._admin.list_consumer_group_offsets(self._group_id)
            # The ends come after the commits: the evidence of a committed interaction is published by then,
            # so nothing left now means that nothing is on its way either.
            ends = await self._consumer.end_offsets(self._partitions())
        except KafkaError as error:
            raise LoadError(
                f"the offsets of group {self._group_id} can't be read: {plain(error)}; is Kafka up?"
            ) from error
        left: Counter[str] = Counter()
        for tp, end in ends.items():
            held = committed.get(tp)
            left[tp.topic] += end - (0 if held is None else max(0, held.offset))
        return left

    def _partitions(self) -> list[TopicPartition]:
        return list(self._consumer.assignment())


@asynccontextmanager
async def open_backlog(bootstrap: Bootstrap, group_id: str, topics: Sequence[str]) -> AsyncIterator[Backlog]:
    """The backlog of `group_id` on `topics`, which must exist; raises LoadError if Kafka can't be reached."""
    admin = AIOKafkaAdminClient(**options_of(bootstrap))
    # What an open transaction hides can't be committed: it is not waited for.
    settings = {"group_id": None, "isolation_level": "read_committed"}
    consumer = AIOKafkaConsumer(*topics, **options_of(bootstrap), **settings)
    try:
        await admin.start()
        await consumer.start()
    except KafkaError as error:
        await consumer.stop()
        await admin.close()
        raise await unusable(bootstrap, error) from error
    try:
        yield Backlog(admin, consumer, group_id)
    finally:
        await consumer.stop()
        await admin.close()
