"""Reads one topic's partitions from offsets that are given, and knows how far it got (Kafka)."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from workers.stream.chunk import Record

POLL_MS = 200
MOST_RECORDS = 1_000


class Feed:
    """One topic's partitions that are followed, and the offset of each that is read next."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.consumer: AIOKafkaConsumer
        self.positions: dict[int, int] = {}
        self.polled_s = time.monotonic()
        self._assigned: set[int] = set()

    def go_on(self, number: int, offset: int) -> None:
        """Read a partition from here on."""
        self.positions[number] = offset
        self._assigned.discard(number)

    def leave(self, number: int) -> None:
        """Read a partition no more."""
        self.positions.pop(number, None)

    def is_current(self, number: int) -> bool:
        """Whether what was polled of a partition is what comes next: not if it was left, or goes on elsewhere."""
        return number in self.positions and number in self._assigned

    async def poll(self) -> dict[int, list[Record]]:
        """Records that came, by partition."""
        if self._assigned != set(self.positions):
            self._assign()
        if not self._assigned:
            await asyncio.sleep(POLL_MS / 1000)
            return {}
        batches = await self.consumer.getmany(timeout_ms=POLL_MS, max_records=MOST_RECORDS)
        self.polled_s = time.monotonic()
        return {tp.partition: batch for tp, batch in batches.items()}

    async def advance(self) -> None:
        """All that came is taken; what holds no record for us, such as the end of a transaction, was passed as well."""
        for number in self._assigned & self.positions.keys():
            self.positions[number] = await self.consumer.position(TopicPartition(self.topic, number))

    def _assign(self) -> None:
        self._assigned = set(self.positions)
        self.consumer.assign([TopicPartition(self.topic, number) for number in self._assigned])
        for number in self._assigned:
            self.consumer.seek(TopicPartition(self.topic, number), self.positions[number])
