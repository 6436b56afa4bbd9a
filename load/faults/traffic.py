"""Events and requests at a steady rate, whatever happens to those who should take them (touches Kafka)."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from load.client.client import Reply, RequestClient
from load.datasets.errors import LoadError
from load.faults.crowd import Publication
from workers.stream.partitioning import partition_of

TICK_S = 0.05
LIMIT = 10
# At peak so many records wait in Kafka: some seconds of work, so that no worker ever idles.
MOST_WAITING = 20_000


@dataclass(slots=True)
class Asked:
    """One request: who asked, when by the wall clock, when the reply came, and the reply to be."""

    user_id: str
    at_s: float
    reply: asyncio.Future[Reply]
    answered_s: float | None = None

    def note(self, _reply: asyncio.Future[Reply]) -> None:
        """The reply is here."""
        self.answered_s = time.time()


class Traffic:
    """Publishes `rate` events a second until stopped, and `questions` requests a second beside them.

    With `waiting`, which counts how many records no worker has finished, it keeps the workers at their peak instead.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        client: RequestClient,
        topic: str,
        events: Iterator[Publication],
        users: list[str],
        partitions: int,
        *,
        rate: float,
        questions: float,
        seed: int,
        waiting: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self.published = 0
        self.shift_ms = 0  # added to the time of records from now on
        self._producer = producer
        self._client = client
        self._topic = topic
        self._events = events
        self._users = users
        self._partitions = partitions
        self._rate = rate
        self._questions = questions
        self._waiting = waiting
        self._rng = random.Random(seed)
        self._stopped = asyncio.Event()
        self._sent: set[asyncio.Future[Any]] = set()

    def stop(self) -> None:
        """Publish nothing more; `run` then waits for what is on its way."""
        self._stopped.set()

    async def run(self) -> None:
        """Publish until `stop`; a broker that is away makes it wait, not fail."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish_at_peak(self._waiting) if self._waiting else self._publish())
            group.create_task(self._ask())
        await asyncio.gather(*self._sent, return_exceptions=True)

    async def _publish(self) -> None:
        began, due = time.monotonic(), 0
        while not self._stopped.is_set():
            due = int((time.monotonic() - began) * self._rate)
            # After a pause of ours or of the broker's the rate stays: no flood catches up.
            if due - self.published > self._rate:
                began = time.monotonic() - self.published / self._rate
                continue
            for event in islice(self._events, max(0, due - self.published)):
                await self._send(event)
            await asyncio.sleep(TICK_S)

    async def _publish_at_peak(self, waiting: Callable[[], Awaitable[int]]) -> None:
        while not self._stopped.is_set():
            with suppress(LoadError):
                for event in islice(self._events, max(0, MOST_WAITING - await waiting())):
                    await self._send(event)
            await asyncio.sleep(TICK_S)

    async def _send(self, event: Publication) -> None:
        home = partition_of(event.key, self._partitions)
        while not self._stopped.is_set():
            try:
                sent = await self._producer.send(
                    self._topic,
                    event.value,
                    key=event.key.encode(),
                    partition=(home + event.astray) % self._partitions,
                    timestamp_ms=int(time.time() * 1000) + self.shift_ms,
                )
            except KafkaError:
                await asyncio.sleep(TICK_S)
                continue
            self._sent.add(sent)
            sent.add_done_callback(self._settled)
            self.published += 1
            return

    def _settled(self, sent: asyncio.Future[Any]) -> None:
        self._sent.discard(sent)
        if not sent.cancelled():
            sent.exception()  # one that Kafka did not take is not in the log, which is the truth

    async def _ask(self) -> None:
        while not self._stopped.is_set():
            user_id = self._rng.choice(self._users)
            try:
                reply = await self._client.send({"user_id": user_id, "limit": LIMIT})
            except KafkaError:
                await asyncio.sleep(TICK_S)
                continue
            asked = Asked(user_id, time.time(), reply)
            reply.add_done_callback(asked.note)
            self.asked.append(asked)
            await asyncio.sleep(1.0 / self._questions)
