"""Dead letters and counts of one chunk, gathered while it is folded and sent once."""

import logging
from collections import Counter

from workers.dead_letters.writer import dead_letter
from workers.metrics import Metrics
from workers.records.codes import reason_of
from workers.records.out import OutRecord
from workers.stream.chunk import Record
from workers.stream.writer import Writer

log = logging.getLogger(__name__)

# Letters of one chunk that are logged one by one; a flood shows in the metric, not in the log.
LOGGED_PER_CHUNK = 5


class Letters:
    """Collects what can't be used; nothing else of the chunk suffers."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._letters: list[OutRecord] = []
        self._reasons: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        return len(self._letters)

    def add(self, record: Record, error: Exception) -> None:
        """Keep `record` with the reason why it can't be used."""
        if len(self._letters) < LOGGED_PER_CHUNK:
            log.warning(
                "dead letter: %s[%d]@%d %s: %s",
                record.topic,
                record.partition,
                record.offset,
                reason_of(error),
                error,
            )
        self._letters.append(dead_letter(record, error, self._stage))
        self._reasons[record.topic, reason_of(error)] += 1

    async def send(self, writer: Writer, topic: str, metrics: Metrics) -> None:
        """Write all letters; returns when they are acknowledged."""
        if not self._letters:
            return
        await writer.send(topic, 0, self._letters)
        for (source, reason), count in self._reasons.items():
            metrics.count_dead_letters(source, reason, count)
