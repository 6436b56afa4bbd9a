"""Publishes letters again at a bounded rate, and notes which (touches Kafka).

A letter is noted only after its record is acknowledged. A crash in between replays it once more; the workers
recognise it by its origin.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from workers.admin.dead_letters.letter import Letter
from workers.admin.dead_letters.replay import replayed, target_partition, target_topic
from workers.errors import DependencyError
from workers.stream.bounded_read import unreachable
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.refusal import refusal
from workers.topics import MAX_LETTER_BYTES, Topics

# Letters on their way at once: what a crash can leave without a note.
BATCH = 100
REQUEST_TIMEOUT_MS = 20_000


class LetterSender:
    """Sends at most `rate` letters a second; made by `letter_sender`."""

    def __init__(self, producer: AIOKafkaProducer, topics: Topics, rate: float) -> None:
        self.batch = max(1, min(BATCH, int(rate)))
        self._producer = producer
        self._topics = topics
        self._rate = rate
        self._free_at = 0.0

    async def send(self, letters: Sequence[Letter]) -> list[str]:
        """Publish and note a batch; what Kafka found too large comes back as messages.

        Raises `DependencyError` when Kafka does not acknowledge: those not noted are replayed by the next try.
        """
        await self._wait(len(letters))
        outcomes = await asyncio.gather(*(self._publish(letter) for letter in letters), return_exceptions=True)
        results = list(zip(letters, outcomes, strict=True))
        await self._note([(letter, sent) for letter, sent in results if not isinstance(sent, BaseException)])
        for letter, outcome in results:
            if isinstance(outcome, BaseException) and not isinstance(outcome, MessageSizeTooLargeError):
                raise DependencyError(
                    f"letter {letter.name} was not acknowledged ({outcome!r}): run the replay again, those that "
                    "were acknowledged are not sent twice"
                ) from outcome
        return [
            f"letter {letter.name}: {outcome!r}" for letter, outcome in results if isinstance(outcome, BaseException)
        ]

    async def _wait(self, count: int) -> None:
        now = time.monotonic()
        await asyncio.sleep(max(0.0, self._free_at - now))
        self._free_at = max(self._free_at, now) + count / self._rate

    async def _publish(self, letter: Letter) -> Any:
        record = replayed(letter)
        return await self._producer.send_and_wait(
            target_topic(letter, self._topics),
            record.value,
            key=record.key,
            partition=target_partition(letter, self._topics),
            timestamp_ms=record.timestamp_ms,
            headers=list(record.headers),
        )

    async def _note(self, sent: Sequence[tuple[Letter, Any]]) -> None:
        now_ms = time.time_ns() // 1_000_000
        notes = [
            (str(letter.position), {"replayed_at": now_ms, "to": f"{to.topic}/{to.partition}/{to.offset}"})
            for letter, to in sent
        ]
        topic = self._topics.dead_letters_replayed
        await asyncio.gather(
            *(
                self._producer.send_and_wait(topic, orjson.dumps(note), key=position.encode())
                for position, note in notes
            )
        )


@asynccontextmanager
async def letter_sender(options: ClientOptions, topics: Topics, rate: float) -> AsyncIterator[LetterSender]:
    """A connected sender; raises `DependencyError` when Kafka does not answer."""
    # Not idempotent: such a producer would try for ever while the broker is away. A record that comes twice
    # for that is recognised by its origin.
    settings = {"acks": "all", "max_request_size": MAX_LETTER_BYTES, "request_timeout_ms": REQUEST_TIMEOUT_MS}
    try:
        producer = await connect(lambda: AIOKafkaProducer(**options, **settings), patience_s=0)
    except (KafkaError, OSError) as error:
        raise await refusal(options) or unreachable(options, error) from error
    try:
        yield LetterSender(producer, topics, rate)
    except KafkaError as error:
        raise unreachable(options, error) from error
    finally:
        await disconnect(producer)
