"""Compares the index with our rows after a start: stale or missing items are written again, all are counted, and what
has no row is removed.

It goes on where it was: what is up to date costs a look-up, and one slice of stale items at most waits for the index,
behind the items of every chunk.

An index that was restored from an old copy, that an older version wrote, or that lives in memory only, catches up by
itself. One on a server is compared again from time to time, and after the server was away: it may have come back with
older data.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence, Set
from typing import Any

from mode import Service

from workers.index.move import stored_ids
from workers.index.port import Index
from workers.index.waves import runs
from workers.indexing.vocabulary import Vocabulary
from workers.indexing.writer import IndexWriter, Partitions
from workers.items.items import Items
from workers.items.points import REVISION, ItemPoints, revision_of
from workers.items.rows import ItemRow
from workers.scheduling import Scheduler
from workers.stream.table import TablePartition

log = logging.getLogger(__name__)

# Items in one look-up: an embedded index holds the event loop for about 1 ms meanwhile.
SLICE_ITEMS = 128


class IndexAudit(Service):
    """Follows the state of items: checks every row of a partition once after it was assigned to us.

    With `every_s` all rows are checked again when so many seconds have passed without a reason to.
    """

    def __init__(
        self,
        index: Index,
        items: Items,
        partitions: Partitions,
        points: ItemPoints,
        writer: IndexWriter,
        vocabulary: Vocabulary,
        scheduler: Scheduler,
        *,
        every_s: float | None = None,
    ) -> None:
        super().__init__()
        self.behind = False
        """Whether the index came back and may still show what it showed long ago."""
        self._points = points
        self._vocabulary = vocabulary
        self._index = index
        self._items = items
        self._partitions = partitions
        self._writer = writer
        self._scheduler = scheduler
        self._every_s = every_s
        self._wanted = asyncio.Event()
        self._round = 0
        # The rows that were checked, not only their partition's number: one that was recovered again holds
        # what another worker did meanwhile.
        self._audited: dict[int, TablePartition[ItemRow]] = {}

    async def lost(self) -> None:
        """Rows may change elsewhere from now on: what waits for the index is skipped unless it is ours again."""

    async def owned(self) -> None:
        """As `look`."""
        self.look()

    def look(self) -> None:
        """Audit partitions that are new, or were read again, in the background: answers need not wait for it."""
        ours = self._partitions()
        self._audited = {number: rows for number, rows in self._audited.items() if ours.get(number) is rows}
        self._wanted.set()

    def repeat(self) -> None:
        """Check every row again; `behind` until all that is found is written."""
        self.behind = True
        self._begin_round()

    def _begin_round(self) -> None:
        self._round += 1
        self._audited.clear()
        self._wanted.set()

    @Service.task
    async def _audit_forever(self) -> None:
        while not self.should_stop:
            try:
                await asyncio.wait_for(self._wanted.wait(), self._every_s)
            except TimeoutError:
                self._begin_round()
            self._wanted.clear()
            await self._audit_new()

    async def _audit_new(self) -> None:
        """Check the partitions that this round has not seen yet."""
        checked: set[int] = set()
        stale, first_round = 0, self._round
        while (partition := self._next()) is not None:
            rows, this_round = self._partitions()[partition], self._round
            stale += await self._audit(partition, rows)
            checked.add(partition)
            if this_round == self._round:
                self._audited[partition] = rows
        if checked:
            removed = await self._remove_strays(checked)
            log.info("index audit of %d partitions: %d items written again, %d removed", len(checked), stale, removed)
        if first_round == self._round:
            self.behind = False

    def _next(self) -> int | None:
        ours = self._partitions().items()
        return next((number for number, rows in ours if self._audited.get(number) is not rows), None)

    async def _audit(self, partition: int, rows: TablePartition[ItemRow]) -> int:
        """Have stale items of one partition written again; how many there were. It may go away meanwhile."""
        stale = 0
        for item_ids in runs(list(rows.keys()), SLICE_ITEMS):
            behind = await self._behind(item_ids)
            if self._partitions().get(partition) is not rows:
                break
            if behind:
                await self._writer.repair(behind)
            stale += len(behind)
            await self._scheduler.rest()
        return stale

    async def _behind(self, item_ids: Sequence[str]) -> list[str]:
        held = await self._index.payloads(item_ids, (REVISION,))
        behind = []
        for item_id in item_ids:
            row = self._items.row(item_id)
            if row is None:
                continue
            if not _is_shown(held.get(item_id), row):
                behind.append(item_id)
            elif row.catalog is not None:
                self._count(item_id, row)
                await self._scheduler.rest()
        return behind

    def _count(self, item_id: str, row: ItemRow) -> None:
        """Have the item count in what is rare among words and embeddings; what is written again is counted then."""
        self._items.table.vector(item_id)
        if item_id not in self._vocabulary:
            self._vocabulary.count(item_id, self._points.words(item_id, row.entry()))

    async def _remove_strays(self, partitions: Set[int]) -> int:
        """Have items of these partitions that the index shows, and that have no row, removed; how many there were."""
        removed = 0
        async for page in stored_ids(self._index):
            here = partitions & self._partitions().keys()
            strays = [i for i in page if self._items.partition_of(i) in here and self._items.row(i) is None]
            if strays:
                await self._writer.repair(strays)
            removed += len(strays)
            await self._scheduler.rest()
        return removed


def _is_shown(payload: Mapping[str, Any] | None, row: ItemRow) -> bool:
    """Whether the index holds what the row says, by the revision."""
    if row.catalog is None or payload is None:
        return row.catalog is None and payload is None
    return bool(payload.get(REVISION) == revision_of(row))
