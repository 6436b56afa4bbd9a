"""A client of the request topic: sends questions and pairs the replies with them (touches Kafka)."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from load.client.kafka import Bootstrap, consumer_at_end, prompt_producer
from load.datasets.errors import LoadError
from workers.messages.waiting import plain

CORRELATION_HEADER = "correlation_id"
REPLY_TO_HEADER = "reply_to"


@dataclass(frozen=True, slots=True)
class Reply:
    """The bytes of a reply, and when it arrived by the event loop's clock."""

    arrived_s: float
    value: bytes


class RequestClient:
    """Questions on their way, by correlation id; made by `request_client`."""

    def __init__(self, producer: AIOKafkaProducer, request_topic: str, reply_topic: str) -> None:
        self.unmatched = 0  # replies without a waiting request: repeats, or later than the waiting
        self._producer = producer
        self._request_topic = request_topic
        self._reply_topic = reply_topic
        self._session = uuid.uuid4().hex
        self._asked = 0
        self._waiting: dict[bytes, asyncio.Future[Reply]] = {}

    async def send(self, body: Mapping[str, Any]) -> asyncio.Future[Reply]:
        """Publishes one request; the future holds its reply, or the error that kept the request from Kafka.

        Cancelling the future ends the waiting.
        """
        correlation = f"{self._session}-{self._asked}".encode()
        self._asked += 1
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = reply
        reply.add_done_callback(lambda _: self._waiting.pop(correlation, None))
        headers = [(CORRELATION_HEADER, correlation), (REPLY_TO_HEADER, self._reply_topic.encode())]
        subject = body.get("user_id") or body.get("anonymous_id")
        key = str(subject).encode() if subject else None
        sent = await self._producer.send(self._request_topic, orjson.dumps(body), key=key, headers=headers)
        sent.add_done_callback(lambda record: _pass_failure(record, reply))
        return reply

    async def ask(self, body: Mapping[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
        """The reply to one request as a dict; raises LoadError if none comes in time."""
        waiting = await self.send(body)
        try:
            reply = await asyncio.wait_for(waiting, timeout_s)
        except (TimeoutError, KafkaError) as error:
            raise LoadError(
                f"no reply on {self._reply_topic} within {timeout_s:g} s ({plain(error)}): check that a worker is "
                "running and ready"
            ) from error
        answer: dict[str, Any] = orjson.loads(reply.value)
        return answer

    async def receive(self, consumer: AIOKafkaConsumer) -> None:
        """Hands replies to those who wait, until cancelled."""
        loop = asyncio.get_running_loop()
        async for record in consumer:
            arrived_s = loop.time()
            correlation = dict(record.headers).get(CORRELATION_HEADER, b"")
            waiting = self._waiting.pop(correlation, None)
            if waiting is None or waiting.done():
                self.unmatched += 1
            else:
                waiting.set_result(Reply(arrived_s, record.value or b""))


@asynccontextmanager
async def request_client(bootstrap: Bootstrap, request_topic: str, reply_topic: str) -> AsyncIterator[RequestClient]:
    """A client that is ready to ask; both topics must exist, and no other client should read `reply_topic`."""
    async with consumer_at_end(bootstrap, reply_topic) as consumer, prompt_producer(bootstrap) as producer:
        client = RequestClient(producer, request_topic, reply_topic)
        receiving = asyncio.create_task(client.receive(consumer))
        try:
            yield client
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)


def _pass_failure(record: asyncio.Future[Any], reply: asyncio.Future[Reply]) -> None:
    if record.cancelled() or reply.done():
        return
    error = record.exception()
    if error is not None:
        reply.set_exception(error)
