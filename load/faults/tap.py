"""Watches a changelog from beside: when rows were written, and the times in which none were (touches Kafka)."""

import time
from dataclasses import dataclass

from load.client.kafka import consumer_at_end
from workers.stream.table import NO_ID

# Shorter pauses are the usual rhythm of chunks and polls.
NOTED_S = 0.25


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without writes to one partition, epoch seconds by the records' own times."""

    partition: int
    began_s: float
    ended_s: float


class Tap:
    """Last write and gaps of each partition."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self.by_arrival = False  # for records of a worker whose clock is wrong
        self._last_s: dict[int, float] = {}

    async def watch(self, bootstrap: str, changelog: str) -> None:
        """Read from the end on until cancelled; a changelog that is created again needs a new call."""
        async with consumer_at_end(bootstrap, changelog) as consumer:
            async for record in consumer:
                # A new owner's mark is no row, nor is what a changelog holds beside rows.
                if record.value is not None and not (record.key or b"").startswith(NO_ID):
                    self._note(record.partition, time.time() if self.by_arrival else record.timestamp / 1000)

    def last_s(self) -> dict[int, float]:
        """Epoch seconds of the last write to each partition that ever had one."""
        return dict(self._last_s)

    def stall_s(self, began_s: float, ended_s: float) -> float:
        """The longest that a partition stood still after `began_s`, in gaps that ended by `ended_s`."""
        after = [gap for gap in self.gaps if began_s < gap.ended_s <= ended_s]
        return max((gap.ended_s - max(gap.began_s, began_s) for gap in after), default=0.0)

    def _note(self, partition: int, at_s: float) -> None:
        last_s = self._last_s.get(partition, at_s)
        if at_s - last_s >= NOTED_S:
            self.gaps.append(Gap(partition, last_s, at_s))
        self._last_s[partition] = max(last_s, at_s)
