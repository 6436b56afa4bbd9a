"""Brings changed items to the index, oldest first and a few at a time; a chunk is finished once its items are there.

A hot item that changes a hundred times a second is written a few times a second. What is written is the
row as it is at that moment, so catalog and use of one item can't overwrite each other. What the audit finds is
written while no chunk waits. Between hand-over and take-over nothing is written: another worker may own the items.
"""

import asyncio
import math
import time
from collections.abc import Iterable, Mapping

import numpy as np
from mode import Service

from models.primitives.sparse import SparseVector
from workers.index.port import Index
from workers.index.types import Patch, Point
from workers.indexing.queue import IndexQueue, Mark, Waiting
from workers.indexing.vocabulary import Vocabulary
from workers.items.points import EMBEDDING, WORDS, ItemPoints
from workers.items.rows import ItemRow
from workers.items.vectors import ItemVectors
from workers.scheduling import INDEX, Pace, Scheduler
from workers.stream.table import Table

Rows = list[tuple[str, ItemRow | None]]
"""Items and their rows; None: the row was dropped at the bound of the table."""


class IndexWriter(Service):
    """Lets marked items gather for `delay_s`, then writes those there are by then, `slice_items` at a time."""

    def __init__(
        self,
        index: Index,
        items: Table[ItemRow],
        points: ItemPoints,
        vocabulary: Vocabulary,
        vectors: ItemVectors,
        scheduler: Scheduler,
        *,
        delay_s: float,
        slice_items: int,
    ) -> None:
        super().__init__()
        self._index = index
        self._items = items
        self._points = points
        self._vocabulary = vocabulary
        self._vectors = vectors
        self._scheduler = scheduler
        self._delay_s = delay_s
        self._slice_items = slice_items
        self._live = IndexQueue()
        self._due_s = math.inf  # when the items that wait have gathered for long enough
        self._repairs = IndexQueue()
        self._marked = asyncio.Event()
        self._ours = asyncio.Event()
        self._ours.set()
        self._writing: asyncio.Future[None] | None = None

    def push(self, partition: int, item_ids: Iterable[str], *, whole: bool, chunk: Waiting | None) -> None:
        """Have these items written soon: all of them (`whole`) or what evidence changes; then finish `chunk`."""
        self._live.push(partition, item_ids, whole=whole, chunk=chunk)
        self._due_s = min(self._due_s, time.monotonic() + self._delay_s)
        self._marked.set()

    async def repair(self, partition: int, item_ids: Iterable[str]) -> None:
        """Write all of these items once no chunk waits, or a slice of them between two batches of live ones.

        Returns when the index has them, or they belong to another worker.
        """
        written = _Written()
        self._repairs.push(partition, item_ids, whole=True, chunk=written)
        self._marked.set()
        await written.event.wait()

    @Service.task
    async def _write_forever(self) -> None:
        while not self.should_stop:
            await self._marked.wait()
            await self._ours.wait()
            self._writing = asyncio.ensure_future(self._write_some())
            try:
                await asyncio.wait({self._writing})
            finally:
                self._writing.cancel()
            if not self._writing.cancelled():
                self._writing.result()

    async def lost(self) -> None:
        """Stop writing, in the middle of a wait for the index too; what is marked stays so, no chunk is finished."""
        self._ours.clear()
        self._live.forget_waiting()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})

    async def owned(self) -> None:
        """Go on with the items that are ours now."""
        self._ours.set()

    async def _write_some(self) -> None:
        """Live items when they are due, else a slice of repairs, else wait."""
        if self._due_s <= time.monotonic():
            await self._write_live()
        if self._repairs:
            await self._write_slice(self._repairs, self._repairs.last_position)
        elif self._live:
            await asyncio.sleep(self._due_s - time.monotonic())
        else:
            self._marked.clear()

    async def _write_live(self) -> None:
        """What is marked by now; what is marked meanwhile gathers for the next time."""
        self._due_s, last = math.inf, self._live.last_position
        while await self._write_slice(self._live, last):
            pass

    async def _write_slice(self, queue: IndexQueue, last: int) -> bool:
        """Write the oldest items up to place `last` and finish who waited for them; False if there are none."""
        taken = queue.take(self._slice_items, last)
        try:
            await self._write(taken)
        except asyncio.CancelledError:
            queue.put_back(taken)
            self._due_s = 0.0
            raise
        queue.finish_written()
        self._scheduler.count(INDEX, len(taken))
        return bool(taken)

    async def _write(self, marked: Mapping[str, Mark]) -> None:
        pace = Pace(self._scheduler)
        missing = await self._write_used(self._rows({i: m for i, m in marked.items() if not m.whole}), pace)
        whole = {i: m for i, m in marked.items() if m.whole or i in missing}
        await self._write_whole(self._rows(whole), pace)
        await pace.rest()

    def _rows(self, marked: Mapping[str, Mark]) -> Rows:
        """Rows of marked items that are still ours, as they are now."""
        owned = ((item_id, self._items.partitions.get(mark.partition)) for item_id, mark in marked.items())
        return [(item_id, rows.get(item_id)) for item_id, rows in owned if rows is not None]

    async def _write_used(self, rows: Rows, pace: Pace) -> set[str]:
        """Write what evidence changes; returns the items that the index should hold and does not."""
        known: list[Patch] = []
        for item_id, row in rows:
            if row is not None and row.catalog is not None:
                with pace:
                    known.append(self._points.patch(item_id, row))
                await self._scheduler.rest()
        if not known:
            return set()
        with pace:
            return set(await self._index.patch(known))

    async def _write_whole(self, rows: Rows, pace: Pace) -> None:
        present: list[Point] = []
        absent: list[str] = []
        for item_id, row in rows:
            if row is None or row.catalog is None:
                absent.append(item_id)
            else:
                with pace:
                    present.append(self._points.point(item_id, row))
                await self._scheduler.rest()
        with pace:
            if present:
                await self._index.upsert(present)
            if absent:
                await self._index.delete(absent)
        for item_id, _ in rows:  # not before: until now the old one could be read again
            self._vectors.forget(item_id)
        self._count_words(present, absent)

    def _count_words(self, present: list[Point], absent: list[str]) -> None:
        for point in present:
            embedding, words = point.vectors.get(EMBEDDING), point.vectors.get(WORDS)
            self._vocabulary.count(point.item_id, embedding if isinstance(embedding, np.ndarray) else None)
            self._vocabulary.count_words(point.item_id, words if isinstance(words, SparseVector) else None)
        for item_id in absent:
            self._vocabulary.count(item_id, None)
            self._vocabulary.count_words(item_id, None)


class _Written:
    """Waits for the index like a chunk."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def park(self) -> None:
        """Nothing but the index is waited for anyway."""

    def finish(self) -> None:
        """The index has the items."""
        self.event.set()
