"""A client of a running worker: publishes items and events, asks, and reads topics (touches Kafka)."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from load.client.client import RequestClient, request_client
from load.client.kafka import ensure_own_topics
from tests.waiting import until
from tests.worker.group_progress import group_progress
from tests.worker.process import Worker
from workers.records.out import Headers
from workers.stream.chunk import Record
from workers.stream.partitioning import partition_of

READ_MS = 200


class Shop:
    """What an application does with the service; made by `open_shop`."""

    def __init__(self, worker: Worker, producer: AIOKafkaProducer, client: RequestClient) -> None:
        self.worker = worker
        self.topics = worker.topics
        self._producer = producer
        self._client = client

    async def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> tuple[int, int]:
        """Publish one record as it is; (partition, offset)."""
        sent = await self._producer.send_and_wait(
            topic, value, key=key, headers=list(headers), partition=partition, timestamp_ms=timestamp_ms
        )
        return sent.partition, sent.offset

    async def publish(self, topic: str, records: Iterable[tuple[str, dict[str, Any] | None]]) -> None:
        """Publish JSON records by key, null for None; returns when all are acknowledged."""
        acknowledgements = [
            await self._producer.send(topic, None if body is None else orjson.dumps(body), key=key.encode())
            for key, body in records
        ]
        await asyncio.gather(*acknowledgements)

    async def publish_items(self, *items: dict[str, Any]) -> None:
        """Publish catalog records, and wait until the index has them."""
        await self.publish(self.topics.item_catalog, [(item["item_id"], item) for item in items])
        await self.until_folded()

    async def delete_item(self, item_id: str) -> None:
        """Publish a tombstone, and wait until the index has it."""
        await self.publish(self.topics.item_catalog, [(item_id, None)])
        await self.until_folded()

    async def publish_events(self, *events: dict[str, Any]) -> None:
        """Publish interactions, and wait until users, items and the index hold them."""
        await self.publish(self.topics.user_interactions, [(event["user_id"], event) for event in events])
        await self.until_folded()

    async def ask(self, **body: Any) -> dict[str, Any]:
        """The reply to one request, an error reply included."""
        return await self._client.ask(body)

    async def ids(self, **body: Any) -> list[str]:
        """Ids of the items recommended, best first."""
        reply = await self.ask(**body)
        return [item["item_id"] for item in reply["items"]]

    async def until_folded(self, deadline_s: float = 20.0) -> None:
        """Wait until every record published so far is folded and committed, evidence included."""
        topics = self.topics
        names = (topics.item_catalog, topics.user_interactions, topics.item_transitions)
        async with group_progress(self.worker, names) as at_the_end:
            await until(at_the_end, deadline_s=deadline_s)

    async def request(
        self, value: bytes | None, key: bytes | None = None, headers: Headers = (), partition: int | None = None
    ) -> None:
        """Publish a request as it is; its reply is to be looked for on a topic."""
        await self.send(self.topics.recommendation_requests, value, key, headers, partition)

    async def read(self, topic: str) -> list[Record]:
        """All records of a topic, up to its present end."""
        return await read_all(self.worker.bootstrap, topic)

    async def served(self, *replies: dict[str, Any]) -> list[dict[str, Any]]:
        """The lines of what these replies showed, in their order: lines follow replies, so they are waited for."""
        wanted = [reply["recommendation_id"] for reply in replies]
        lines: dict[str, dict[str, Any]] = {}

        async def all_there() -> bool:
            found = [orjson.loads(one.value or b"") for one in await self.read(self.topics.recommendations_served)]
            lines.update((line["recommendation_id"], line) for line in found)
            return set(wanted) <= lines.keys()

        await until(all_there)
        return [lines[one] for one in wanted]

    async def reply(self, topic: str, header: str, correlation: bytes) -> Record:
        """The one reply on `topic` that carries these bytes in this header."""
        found: list[Record] = []

        async def arrived() -> bool:
            found[:] = [r for r in await self.read(topic) if dict(r.headers).get(header) == correlation]
            return bool(found)

        await until(arrived, deadline_s=20.0)
        assert len(found) == 1, found
        return found[0]


@asynccontextmanager
async def open_shop(worker: Worker) -> AsyncIterator[Shop]:
    """A client of `worker`, whose topics must exist."""
    replies = f"{worker.topics.prefix}shop-replies"
    await ensure_own_topics(worker.bootstrap, [replies])
    producer = AIOKafkaProducer(bootstrap_servers=worker.bootstrap, acks="all", linger_ms=2, max_request_size=4 << 20)
    await producer.start()
    try:
        async with request_client(worker.bootstrap, worker.topics.recommendation_requests, replies) as client:
            yield Shop(worker, producer, client)
    finally:
        await producer.stop()


async def read_all(bootstrap: str, topic: str) -> list[Record]:
    """Committed records of all partitions, each in offset order, up to the end at the time of the call."""
    async with _consumer_of(bootstrap, topic, isolation_level="read_committed") as consumer:
        found = await consumer.end_offsets(list(consumer.assignment()))
        records: list[Record] = []
        while behind := [tp for tp, end in found.items() if end and await consumer.position(tp) < end]:
            for batch in (await consumer.getmany(*behind, timeout_ms=READ_MS)).values():
                records += batch
        return records


async def until_committed(worker: Worker, topic: str, deadline_s: float = 20.0) -> None:
    """Wait until the worker's group has committed exactly the end of every partition that has records."""
    async with group_progress(worker, [topic]) as at_the_end:
        await until(at_the_end, deadline_s=deadline_s)


async def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Offset after the last record, or mark of a transaction, of every partition that ever had one."""
    async with _consumer_of(bootstrap, topic) as consumer:
        found = await consumer.end_offsets(list(consumer.assignment()))
    return {tp.partition: end for tp, end in found.items() if end}


@asynccontextmanager
async def _consumer_of(
    bootstrap: str, topic: str, isolation_level: str = "read_uncommitted"
) -> AsyncIterator[AIOKafkaConsumer]:
    settings = {"group_id": None, "auto_offset_reset": "earliest", "isolation_level": isolation_level}
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, **settings)
    await consumer.start()
    try:
        assert consumer.assignment(), f"no topic {topic}"
        yield consumer
    finally:
        await consumer.stop()


async def committed(worker: Worker, topic: str) -> dict[int, int]:
    """Offsets that the worker's group has committed, by partition; nothing for one that is at its start."""
    admin = AIOKafkaAdminClient(bootstrap_servers=worker.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(worker.group)
    finally:
        await admin.close()
    return {tp.partition: found.offset for tp, found in offsets.items() if tp.topic == topic and found.offset > 0}


def other_partition(key: str, partitions: int) -> int:
    """A partition in which a record of this key has no business."""
    return (partition_of(key, partitions) + 1) % partitions
