"""Brings changed items to the index, oldest first and a few at a time; a chunk is finished once its items are there.

What is written is the row as it is at that moment, whole. What the audit finds is written while no chunk waits. Between
hand-over and take-over nothing is written: another worker may own the items.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from mode import Service

from models.primitives.sparse import SparseVector
from workers.index.port import Index
from workers.index.types import Point
from workers.indexing.queue import IndexQueue, Waiting
from workers.indexing.vocabulary import Vocabulary
from workers.items.items import Items
from workers.items.points import WORDS, ItemPoints
from workers.items.rows import ItemRow
from workers.scheduling import INDEX, Pace, Scheduler
from workers.stream.table import TablePartition

Partitions = Callable[[], Mapping[int, TablePartition[ItemRow]]]
"""The partitions whose items a worker indexes: of an embedded index all that are at hand, of a server those it owns."""


class IndexWriter(Service):
    """Writes marked items, `slice_items` at a time."""

    def __init__(
        self,
        index: Index,
        items: Items,
        partitions: Partitions,
        points: ItemPoints,
        vocabulary: Vocabulary,
        scheduler: Scheduler,
        *,
        slice_items: int,
    ) -> None:
        super().__init__()
        self._index = index
        self._items = items
        self._partitions = partitions
        self._points = points
        self._vocabulary = vocabulary
        self._scheduler = scheduler
        self._slice_items = slice_items
        self._live = IndexQueue()
        self._repairs = IndexQueue()
        self._marked = asyncio.Event()
        self._ours = asyncio.Event()
        self._ours.set()
        self._writing: asyncio.Future[None] | None = None

    def push(self, item_ids: Iterable[str], chunk: Waiting | None = None) -> None:
        """Have these items written soon, of whichever partitions, then finish `chunk`.

        Those of partitions that this worker does not index are another one's to write.
        """
        self._live.push(item_ids, chunk)
        self._marked.set()

    async def repair(self, item_ids: Iterable[str]) -> None:
        """Write these items once no chunk waits, or a slice of them between two batches of live ones.

        Returns when the index has them, or they belong to another worker.
        """
        written = _Written()
        self._repairs.push(item_ids, written)
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
        """The live items that are marked by now, then a slice of repairs."""
        last = self._live.last_position
        while await self._write_slice(self._live, last):
            pass
        if self._repairs:
            await self._write_slice(self._repairs, self._repairs.last_position)
        elif not self._live:
            self._marked.clear()

    async def _write_slice(self, queue: IndexQueue, last: int) -> bool:
        """Write the oldest items up to place `last` and finish who waited for them; False if there are none."""
        taken = queue.take(self._slice_items, last)
        if not taken:
            return False
        try:
            await self._write(taken)
        except asyncio.CancelledError:
            queue.put_back(taken)
            raise
        queue.finish_written()
        self._scheduler.count(INDEX, len(taken))
        return True

    async def _write(self, item_ids: Iterable[str]) -> None:
        """Bring what the rows say now to the index: points of items in the catalog, nothing of others."""
        pace = Pace(self._scheduler)
        present: list[Point] = []
        absent: list[str] = []
        for item_id in item_ids:
            if self._items.partition_of(item_id) not in self._partitions():
                continue
            with pace:
                point = self._point(item_id, self._items.row(item_id))
                if point is None:
                    absent.append(item_id)
                else:
                    present.append(point)
            await self._scheduler.rest()
        with pace:
            if present:
                await self._index.upsert(present)
            if absent:
                await self._index.delete(absent)
            self._count_words(present, absent)
        await pace.rest()

    def _point(self, item_id: str, row: ItemRow | None) -> Point | None:
        """None for an item that the catalog does not have, or whose row was dropped at the bound of the table."""
        if row is None or row.catalog is None:
            return None
        return self._points.point(item_id, row, self._items.table.vector(item_id))

    def _count_words(self, present: list[Point], absent: list[str]) -> None:
        for point in present:
            words = point.vectors[WORDS]
            self._vocabulary.count(point.item_id, words if isinstance(words, SparseVector) else None)
        for item_id in absent:
            self._vocabulary.count(item_id, None)


class _Written:
    """Waits for the index like a chunk."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def park(self) -> None:
        """Nothing but the index is waited for anyway."""

    def finish(self) -> None:
        """The index has the items."""
        self.event.set()
