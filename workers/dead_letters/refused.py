"""Dead letters of a followed topic: each skipped record once, though every worker skips it (I/O).

They are written by the worker that owns the first partition of users, up to where the group's committed offset says
that letters were written; a crash in between may repeat some.
"""

from collections import deque
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from workers.dead_letters.letters import Letters
from workers.metrics import Metrics
from workers.stream.chunk import Record
from workers.stream.writer import Writer

# Skipped records that wait for their letters, here and in each worker that may come to write them; beyond either bound
# the oldest are dropped: they are counted, and still on their topic.
MOST_WAITING = 1_000
MOST_BYTES = 16 * 1024 * 1024


class RefusedLetters:
    """Collects what a follower skips; `writes` says whether this worker is the one that writes now."""

    def __init__(
        self,
        stage: str,
        writer: Writer,
        metrics: Metrics,
        dead_letters: str,
        writes: Callable[[], bool],
        *,
        group_id: str,
    ) -> None:
        self.group_id = group_id
        self._stage = stage
        self._writer = writer
        self._metrics = metrics
        self._dead_letters = dead_letters
        self._writes = writes
        self._waiting: deque[tuple[Record, Exception]] = deque()
        self._bytes = 0

    def add(self, record: Record, error: Exception) -> None:
        """Keep a skipped record for its letter."""
        self._waiting.append((record, error))
        self._bytes += _size(record)
        while len(self._waiting) > MOST_WAITING or self._bytes > MOST_BYTES:
            dropped, _ = self._waiting.popleft()
            self._bytes -= _size(dropped)

    async def write(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        """Write the letters that wait, if it is on this worker; returns when they are acknowledged and noted."""
        if not self._waiting or not self._writes():
            return
        written = await consumer.committed(partition) or 0
        letters = Letters(self._stage)
        for record, error in self._waiting:
            if record.offset >= written:
                letters.add(record, error)
        await letters.send(self._writer, self._dead_letters, self._metrics)
        await consumer.commit({partition: self._waiting[-1][0].offset + 1})
        self._waiting.clear()
        self._bytes = 0


def _size(record: Record) -> int:
    return len(record.key or b"") + len(record.value or b"")
