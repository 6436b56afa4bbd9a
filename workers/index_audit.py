"""Compares the index with our rows after a start: stale or missing items are written again, all are counted.

An index that was restored from an old copy, or that lives in memory only, catches up by itself.
"""

import logging
from collections.abc import Iterator
from itertools import islice

from mode import Service

from workers.index.port import Index
from workers.index_writer import IndexWriter
from workers.item_points import REVISION, ItemPoints
from workers.rows import ItemRow
from workers.stream.table import Table
from workers.turns import Turns
from workers.vocabulary import Vocabulary

log = logging.getLogger(__name__)

# Items in one look-up: an embedded index holds the event loop for about 1 ms meanwhile.
SLICE_ITEMS = 128


class IndexAudit(Service):
    """Follows the state of items: looks at every row of a partition once after it has come to us."""

    def __init__(
        self,
        index: Index,
        items: Table[ItemRow],
        points: ItemPoints,
        writer: IndexWriter,
        vocabulary: Vocabulary,
        turns: Turns,
    ) -> None:
        super().__init__()
        self._points = points
        self._vocabulary = vocabulary
        self._index = index
        self._items = items
        self._writer = writer
        self._turns = turns
        self._audited: set[int] = set()

    async def lost(self) -> None:
        """Rows may change elsewhere from now on."""

    async def owned(self) -> None:
        """Audit new partitions in the background: answers need not wait for it."""
        ours = set(self._items.partitions)
        new, self._audited = ours - self._audited, ours
        if new:
            self.add_future(self._audit(sorted(new)))

    async def _audit(self, partitions: list[int]) -> None:
        stale = 0
        for partition in partitions:
            for item_ids in self._slices(partition):
                behind = await self._behind(partition, item_ids)
                self._writer.push(partition, behind, whole=True, chunk=None)
                stale += len(behind)
                await self._turns.rest()
        log.info("index audit of %d partitions: %d items written again", len(partitions), stale)

    def _slices(self, partition: int) -> Iterator[list[str]]:
        rows = self._items.partitions.get(partition)
        keys = iter(() if rows is None else list(rows.keys()))
        while item_ids := list(islice(keys, SLICE_ITEMS)):
            yield item_ids

    async def _behind(self, partition: int, item_ids: list[str]) -> list[str]:
        held = await self._index.get(item_ids, payload=(REVISION,))
        rows = self._items.partitions.get(partition)
        if rows is None:
            return []
        behind = []
        for item_id in item_ids:
            row, record = rows.look(item_id), held.get(item_id)
            shown = None if record is None or record.payload is None else record.payload.get(REVISION)
            if row is None:
                continue
            if shown != (None if row.catalog is None else row.revision()):
                behind.append(item_id)
            elif row.catalog is not None:
                entry = row.entry()
                self._vocabulary.count(item_id, self._points.embed(entry))
                self._vocabulary.count_words(item_id, self._points.words(item_id, entry))
        return behind
