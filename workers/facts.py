"""What ranking needs to know of an item: from our own rows where we own it, else from the index."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from workers.index.port import Index
from workers.item_points import BUYERS, COUNT, DAY_SCORE, LABELS, ORDER_SCORES
from workers.partitioning import partition_of
from workers.rows import ItemRow
from workers.stream.table import Table


class Facts(NamedTuple):
    """`users` who touched the item, its categories, its popularity per half-life (`ItemState.popularity_scores`).

    `day_score`: popularity with a half-life of a day (`ItemState.day_score`); `buyers`: users who bought it.
    """

    users: int
    labels: Sequence[str]
    order_scores: Sequence[float]
    day_score: float = 0.0
    buyers: int = 0


class ItemFacts:
    """Facts of items in the catalog; our own rows are a coalescing delay fresher than the index."""

    def __init__(self, items: Table[ItemRow], index: Index, item_partitions: int) -> None:
        self._items = items
        self._index = index
        self._item_partitions = item_partitions

    async def of(self, item_ids: Iterable[str]) -> dict[str, Facts]:
        """Facts by item id; an item that the catalog does not have is left out."""
        found: dict[str, Facts] = {}
        elsewhere = []
        partitions, count = self._items.partitions, self._item_partitions
        for item_id in item_ids:
            rows = partitions.get(partition_of(item_id, count))
            if rows is None:
                elsewhere.append(item_id)
            elif (row := rows.get(item_id)) is not None and row.catalog is not None:
                found[item_id] = _facts(row)
        if elsewhere:
            found |= await self._from_index(elsewhere)
        return found

    async def _from_index(self, item_ids: list[str]) -> dict[str, Facts]:
        records = await self._index.get(item_ids, payload=_FIELDS)
        payloads = ((item_id, record.payload or {}) for item_id, record in records.items())
        return {
            item_id: Facts(*(payload[name] for name in _FIELDS)) for item_id, payload in payloads if BUYERS in payload
        }


def _facts(row: ItemRow) -> Facts:
    return Facts(row.use.count, row.labels(), row.order_scores(), row.use.day_score(), row.use.buyers)


_FIELDS = (COUNT, LABELS, ORDER_SCORES, DAY_SCORE, BUYERS)
