"""Sends replies (I/O): a producer of their own, and an address that does not exist harms nobody else."""

import time

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from mode import Service

from workers.errors import BadRecordError, DependencyError
from workers.records.codes import RequestFailure
from workers.records.headers import ReplyTo
from workers.stream.connect import ClientOptions, connect

# Topics are listed anew at most so often: a client that names topics that don't exist can't slow others.
RELIST_AFTER_S = 1.0


class ReplySender(Service):
    """Publishes encoded replies to topics that exist."""

    def __init__(self, options: ClientOptions, *, patience_s: float) -> None:
        super().__init__()
        self._options = options
        self._patience_s = patience_s
        self._partitions: dict[str, set[int]] = {}
        self._listed_at = 0.0

    async def on_start(self) -> None:
        self._producer = await connect(
            lambda: AIOKafkaProducer(**self._options, acks="all", enable_idempotence=True, linger_ms=0),
            patience_s=self._patience_s,
        )

    async def on_stop(self) -> None:
        await self._producer.stop()

    async def send(self, address: ReplyTo, key: bytes | None, value: bytes) -> None:
        """Publish one reply; returns when it is acknowledged.

        Raises `BadRecordError` if the address does not exist, `DependencyError` if Kafka does not take it.
        """
        try:
            await self._check(address)
            await self._producer.send_and_wait(
                address.topic, value, key=key, partition=address.partition, headers=list(address.headers)
            )
        except KafkaError as error:
            raise DependencyError(f"reply to {address.topic} was not acknowledged: {error!r}") from error

    async def _check(self, address: ReplyTo) -> None:
        if address.topic not in self._partitions and time.monotonic() - self._listed_at > RELIST_AFTER_S:
            await self._list_topics()
        partitions = self._partitions.get(address.topic)
        if partitions is None:
            problem = "does not exist: create it, or leave the address out"
        elif address.partition is not None and address.partition not in partitions:
            problem = f"has no partition {address.partition}"
        else:
            return
        raise BadRecordError(RequestFailure.REPLY_ADDRESS_REFUSED, f"the reply topic {address.topic!r} {problem}")

    async def _list_topics(self) -> None:
        # Asking for one topic by name would have the client track it for ever, existing or not.
        cluster = await self._producer.client.fetch_all_metadata()
        self._partitions = {topic: cluster.partitions_for_topic(topic) or set() for topic in cluster.topics()}
        self._listed_at = time.monotonic()
