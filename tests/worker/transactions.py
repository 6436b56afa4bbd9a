"""Producers of transactions, as librdkafka's clients have them (touches Kafka)."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from confluent_kafka import KafkaException, Producer

from tests.kafka import unique_name

WITHIN_S = 30.0
# A producer that dies: it sends in a transaction, says so, and waits to be killed.
DYING = """
import sys, time
from confluent_kafka import Producer
servers, timeout_ms, topic, partition, key, value = sys.argv[1:]
producer = Producer({"bootstrap.servers": servers, "transactional.id": key, "transaction.timeout.ms": timeout_ms})
producer.init_transactions(30)
producer.begin_transaction()
producer.produce(topic, value, key=key, partition=int(partition))
assert producer.flush(30) == 0
print("sent", flush=True)
time.sleep(600)
"""


@dataclass(frozen=True)
class Sent:
    """A record to publish; `partition` None leaves it to Java's partitioner."""

    topic: str
    key: str
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, topic: str, key: str, body: dict[str, Any], **more: Any) -> "Sent":
        """A record whose value is JSON."""
        return cls(topic, key, orjson.dumps(body), **more)


class Transactions:
    """One transactional producer; made by `transactions`."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._open = False

    async def begin(self, *records: Sent) -> None:
        """Send in a transaction that stays open; returns when the broker has all."""
        await asyncio.to_thread(self._begin, records)

    async def commit(self, *records: Sent) -> None:
        """Commit what is open and these records besides."""
        if not self._open or records:
            await self.begin(*records)
        await asyncio.to_thread(self._producer.commit_transaction, WITHIN_S)
        self._open = False

    async def abort(self, *records: Sent) -> None:
        """Abort what is open and these records besides."""
        if not self._open or records:
            await self.begin(*records)
        await asyncio.to_thread(self._producer.abort_transaction, WITHIN_S)
        self._open = False

    def _begin(self, records: Iterable[Sent]) -> None:
        if not self._open:
            self._producer.begin_transaction()
            self._open = True
        send(self._producer, records)


@asynccontextmanager
async def transactions(bootstrap: str, **settings: str) -> AsyncIterator[Transactions]:
    """A transactional producer; what it leaves open is aborted at the end."""
    name = unique_name("transactions")
    names = {"bootstrap.servers": bootstrap, "transactional.id": name, "partitioner": "murmur2_random"}
    producer = Producer({**names, **settings})
    await asyncio.to_thread(producer.init_transactions, WITHIN_S)
    try:
        yield Transactions(producer)
    finally:
        with suppress(KafkaException):  # nothing is open
            await asyncio.to_thread(producer.abort_transaction, WITHIN_S)


async def publish(bootstrap: str, *records: Sent, **settings: str) -> None:
    """Send without a transaction; returns when the broker has all."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", **settings})
    await asyncio.to_thread(send, producer, records)


def send(producer: Producer, records: Iterable[Sent]) -> None:
    """Produce the records and wait for the broker."""
    for one in records:
        where = {} if one.partition is None else {"partition": one.partition}
        producer.produce(one.topic, one.value, key=one.key, headers=list(one.headers), **where)
    assert producer.flush(WITHIN_S) == 0


async def die_in_a_transaction(bootstrap: str, record: Sent, timeout_ms: int) -> None:
    """Send `record` in a transaction of a process that is killed then; the broker ends it after `timeout_ms`."""
    arguments = (bootstrap, str(timeout_ms), record.topic, str(record.partition), record.key, record.value or b"")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DYING, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), WITHIN_S) == b"sent\n"
    finally:
        process.kill()
        await process.wait()
