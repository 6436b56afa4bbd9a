"""The most popular items of this worker, whole, in memory: what answers come from while the index is away.

Made from our own rows: it needs nothing but the process.
"""

from collections.abc import Callable
from heapq import heappush, heappushpop

from mode import Service

from workers.index.memory import MemoryIndex
from workers.items.points import ItemPoints
from workers.items.rows import ItemRow
from workers.items.vectors import ItemVectors
from workers.scheduling import Scheduler
from workers.stream.partitioning import partition_of
from workers.stream.table import Table

# Items held, 17 KiB each with rows of 200 neighbours. Fewer leave users with long histories and narrow filters
# without answers.
SIZE = 2_000
# Seconds between scans of all rows. More often: folding gives way for nothing. Less: new favourites are missing.
REFRESH_S = 60.0
# Or as soon as there are so many times the items: a catalog is being published.
GROWN = 1.5
# Between scans of what is held while it is answered from: then items that change or go must do so at once.
RENEW_S = 1.0


class Shelf(Service):
    """Keeps `index` and `vectors` like our rows: the choice of items once a minute, each item while it is needed."""

    def __init__(
        self,
        items: Table[ItemRow],
        points: ItemPoints,
        scheduler: Scheduler,
        dim: int,
        item_partitions: int,
        needed: Callable[[], bool],
        *,
        size: int = SIZE,
    ) -> None:
        super().__init__()
        self.index = MemoryIndex()
        self.vectors = ItemVectors(self.index, dim, size)
        self._items = items
        self._points = points
        self._scheduler = scheduler
        self._item_partitions = item_partitions
        self._needed = needed
        self._size = size
        self._held: dict[str, list[int]] = {}
        self._refreshed_at = -REFRESH_S
        self._chosen_among = 0

    async def on_start(self) -> None:
        await self.index.ensure(self._points.schema)

    async def lost(self) -> None:
        """The items may change elsewhere from now on; until others are ours no request is answered."""

    async def owned(self) -> None:
        """Other items are ours: choose among them, before the first answer if that comes from here."""
        self._refreshed_at = -REFRESH_S
        if self._needed():
            await self.refresh()

    @Service.task
    async def _keep_fresh(self) -> None:
        while not self.should_stop:
            if self._is_due():
                await self.refresh()
            elif self._needed():
                await self.renew()
            await self.sleep(RENEW_S)

    def _is_due(self) -> bool:
        many_more = len(self._items) > GROWN * self._chosen_among
        return many_more or self.loop.time() - self._refreshed_at >= REFRESH_S

    async def refresh(self) -> None:
        """Choose the items again, and take those that are new, or that the catalog has changed."""
        self._refreshed_at, self._chosen_among = self.loop.time(), len(self._items)
        chosen = await self._most_popular()
        wanted = set(chosen)
        for item_id in [item_id for item_id in self._held if item_id not in wanted]:
            await self._drop(item_id)
        for item_id in chosen:
            await self._take(item_id, used=self._needed())

    async def renew(self) -> None:
        """Take the items that are held as they are now."""
        for item_id in list(self._held):
            await self._take(item_id, used=True)

    async def _most_popular(self) -> list[str]:
        best: list[tuple[float, str]] = []
        for rows in list(self._items.partitions.values()):
            for item_id in list(rows.keys()):
                row = rows.get(item_id)
                if row is not None and row.catalog is not None:
                    position = (row.order_scores()[-1], item_id)
                    if len(best) < self._size:
                        heappush(best, position)
                    else:
                        heappushpop(best, position)
                await self._scheduler.rest()
        return [item_id for _, item_id in sorted(best, reverse=True)]

    async def _take(self, item_id: str, *, used: bool) -> None:
        """Bring one item up to date: what the catalog says, and with `used` what evidence says.

        Evidence changes popular items all the time; it is not seen here before the shelf is needed.
        """
        rows = self._items.partitions.get(partition_of(item_id, self._item_partitions))
        row = None if rows is None else rows.get(item_id)
        if row is None or row.catalog is None:
            await self._drop(item_id)
        elif self._is_behind(item_id, revision := row.revision(), used):
            await self.index.upsert([self._points.point(item_id, row)])
            self.vectors.forget(item_id)
            self._held[item_id] = revision
        await self._scheduler.rest()

    def _is_behind(self, item_id: str, revision: list[int], used: bool) -> bool:
        held = self._held.get(item_id)
        return held is None or (held != revision if used else held[0] != revision[0])

    async def _drop(self, item_id: str) -> None:
        await self.index.delete([item_id])
        self.vectors.forget(item_id)
        self._held.pop(item_id, None)
