"""Sends replies (I/O): a producer of their own, and an address that does not exist harms no other."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from mode import Service

from workers.errors import BadRecordError, DependencyError
from workers.messages.waiting import plain
from workers.records.codes import RequestFailure
from workers.records.headers import ReplyTo
from workers.stream.connect import ClientOptions, connect, disconnect

# Topics are listed again at most so often: a client that names topics that don't exist can't slow others.
RELIST_AFTER_S = 1.0
# A reply not acknowledged for so long may go to a topic that was deleted: then it is looked up again.
UNSURE_AFTER_S = 1.0
# Bytes of a reply and its key: what Kafka takes by default, less headers and a record's own fields.
MOST_BYTES = (1 << 20) - 8_192


@dataclass(frozen=True, slots=True)
class Line:
    """A record to send: a reply, or what goes along with it."""

    to: ReplyTo
    key: bytes | None
    value: bytes


class ReplySender(Service):
    """Publishes encoded replies to topics that exist."""

    def __init__(self, options: ClientOptions, *, patience_s: float) -> None:
        super().__init__()
        self._options = options
        self._patience_s = patience_s
        self._partitions: dict[str, set[int]] = {}
        self._listed_at = 0.0
        self._listing = asyncio.Lock()

    async def on_start(self) -> None:
        # Not idempotent: aiokafka would try for ever to reach a topic that a client has deleted. A reply
        # may come twice.
        self._producer = await connect(
            lambda: AIOKafkaProducer(
                **self._options, acks="all", linger_ms=0, request_timeout_ms=int(self._patience_s * 1000)
            ),
            patience_s=self._patience_s,
        )

    async def on_stop(self) -> None:
        await disconnect(self._producer)

    async def send(self, address: ReplyTo, key: bytes | None, value: bytes, line: Line | None = None) -> None:
        """Publish one reply, and the line about it; returns when both are acknowledged.

        They are handed over together, so Kafka gets them in one request: two would cost an answer a tenth more.
        Raises `BadRecordError` if the address does not exist or Kafka finds the reply too large,
        `DependencyError` if Kafka does not take it.
        """
        lines = [Line(address, key, value), *([] if line is None else [line])]
        for one in lines:
            await self._check(one.to)
        _check_size(key, value)
        for one, sending in [(one, self._sent(one)) for one in lines]:
            await self._delivered(sending, one.to)

    def _sent(self, line: Line) -> asyncio.Future[Any]:
        to = line.to
        sending: asyncio.Future[Any] = asyncio.ensure_future(
            self._producer.send_and_wait(
                to.topic, line.value, key=line.key, partition=to.partition, headers=list(to.headers)
            )
        )
        sending.add_done_callback(lambda done: done.cancelled() or done.exception())  # of two, one may be unreported
        return sending

    async def _delivered(self, sending: asyncio.Future[Any], address: ReplyTo) -> None:
        try:
            await self._acknowledged(sending, address)
        except MessageSizeTooLargeError as error:
            raise _too_large("more bytes than the topic takes") from error
        except KafkaError as error:
            raise DependencyError(f"reply to {address.topic} was not acknowledged: {plain(error)}") from error

    async def _acknowledged(self, sending: asyncio.Future[Any], address: ReplyTo) -> None:
        await asyncio.wait({sending}, timeout=UNSURE_AFTER_S)
        if not sending.done():
            with suppress(DependencyError):  # a broker that is away may come back: the send goes on
                await self._list_topics(since=time.monotonic())
            if problem := self._problem(address):
                raise _refused(address, problem)
        await sending

    async def _check(self, address: ReplyTo) -> None:
        if self._problem(address):
            await self._list_topics(since=time.monotonic())
            if problem := self._problem(address):
                raise _refused(address, problem)

    def _problem(self, address: ReplyTo) -> str:
        partitions = self._partitions.get(address.topic)
        if partitions is None:
            return "does not exist: create it, or leave the address out"
        if address.partition is not None and address.partition not in partitions:
            return f"has no partition {address.partition}"
        return ""

    async def _list_topics(self, since: float) -> None:
        """Know all topics as they are at `since` (monotonic seconds) or later; one listing serves all who wait."""
        async with self._listing:
            if self._listed_at >= since:
                return
            await asyncio.sleep(self._listed_at + RELIST_AFTER_S - time.monotonic())
            self._listed_at = time.monotonic()
            # Asking for one topic by name would have the client track it for ever, existing or not.
            try:
                cluster = await self._producer.client.fetch_all_metadata()
            except KafkaError as error:
                raise DependencyError(f"Kafka does not say which topics exist: {plain(error)}") from error
            self._partitions = {topic: cluster.partitions_for_topic(topic) or set() for topic in cluster.topics()}


def _check_size(key: bytes | None, value: bytes) -> None:
    """Before anything is sent: the line must not say that something was shown which no client got."""
    size = len(value) + len(key or b"")
    if size > MOST_BYTES:
        raise _too_large(f"{size} bytes with its key, more than {MOST_BYTES}")


def _too_large(what: str) -> BadRecordError:
    return BadRecordError(RequestFailure.REPLY_TOO_LARGE, f"the reply has {what}: ask for less")


def _refused(address: ReplyTo, problem: str) -> BadRecordError:
    return BadRecordError(RequestFailure.REPLY_ADDRESS_REFUSED, f"the reply topic {address.topic!r} {problem}")
