"""Writes rows of counts every few seconds, once for many chunks; these are finished when their rows are acknowledged.

What was folded since is folded again after a crash. While the evidence of a partition rests, its rows are written at
once; so they are before a hand-over.
"""

import asyncio
import time
from dataclasses import dataclass, field

from mode import Service

from models.state.item_state import ItemState
from workers.records.out import OutRecord
from workers.scheduling import Scheduler
from workers.stream.chunk import Chunk
from workers.stream.table import Table, TablePartition
from workers.stream.writer import Writer

# Evidence of a partition rests if no chunk of it was folded for so long.
RESTED_S = 0.2
# Between two looks at what is due.
POLL_S = 0.05
# Bytes of rows that are written together.
BATCH_BYTES = 1 << 20


@dataclass(slots=True)
class _Folded:
    """Chunks of a partition that are folded and not written: when the first and the last of them were."""

    first_s: float
    last_s: float
    chunks: list[Chunk] = field(default_factory=list)


class Snapshots(Service):
    """Holds folded chunks until the rows of their partition are written, at the latest after `every_s` seconds."""

    def __init__(
        self, counts: Table[ItemState], writer: Writer, scheduler: Scheduler, *, every_s: float, topic: str
    ) -> None:
        """`topic`: whose chunks wait for rows; writing these is work on it."""
        super().__init__()
        self._work = topic
        self._counts = counts
        self._writer = writer
        self._scheduler = scheduler
        self._every_s = every_s
        self._folded: dict[int, _Folded] = {}
        self._hurried = asyncio.Event()
        self._writing: asyncio.Future[None] | None = None

    def add(self, chunk: Chunk) -> None:
        """A chunk is folded."""
        now = time.monotonic()
        folded = self._folded.setdefault(chunk.tp.partition, _Folded(now, now))
        folded.last_s = now
        folded.chunks.append(chunk)
        chunk.park()

    def hurry(self) -> None:
        """Write everything as soon as it is folded, because partitions are about to be handed over."""
        self._hurried.set()

    async def lost(self) -> None:
        """Partitions may be another worker's: what is not written yet will be folded again, from the last commit."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})
        self._folded.clear()

    async def owned(self) -> None:
        """Go on with the partitions that are ours now."""
        self._hurried.clear()

    @Service.task
    async def _write_forever(self) -> None:
        while not self.should_stop:
            due = self._due()
            if due is None:
                await self.wait(self._hurried.wait(), timeout=POLL_S)
                if self._hurried.is_set():
                    await asyncio.sleep(POLL_S / 10)
                continue
            self._writing = asyncio.ensure_future(self._write(due))
            await asyncio.wait({self._writing})
            if not self._writing.cancelled():
                self._writing.result()

    def _due(self) -> int | None:
        """The partition whose rows wait longest of those that are to be written now.

        While records are folded again, what is said of all rows (`TablePartition.notes`) is ahead of them.
        """
        now = time.monotonic()
        due = [
            (folded.first_s, partition)
            for partition, folded in self._folded.items()
            if self._hurried.is_set() or now - folded.first_s >= self._every_s or now - folded.last_s >= RESTED_S
            if not self._counts.partitions[partition].folds_again
        ]
        return min(due)[1] if due else None

    async def _write(self, partition: int) -> None:
        rows = self._counts.partitions[partition]
        async with rows.lock:
            folded = self._folded.pop(partition)
            await self._write_rows(partition, rows)
        for chunk in folded.chunks:
            chunk.finish()

    async def _write_rows(self, partition: int, rows: TablePartition[ItemState]) -> None:
        batch: list[OutRecord] = []
        size = 0
        for record in rows.drain_changes():
            batch.append(record)
            size += len(record.value or b"")
            if size >= BATCH_BYTES:
                await self._writer.send(self._counts.changelog, partition, batch)
                batch, size = [], 0
            await self._scheduler.rest(self._work)
        await self._writer.send(self._counts.changelog, partition, [*batch, *rows.notes()])
