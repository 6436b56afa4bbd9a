"""What ranking needs to know of an item: from our own rows where we own it, else from the index."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import nan
from typing import Any

from models.primitives.sparse import SparseVector
from workers.index.port import Lookup
from workers.items.points import (
    AVAILABLE,
    BOUGHT,
    BUYERS,
    COUNT,
    DAY_SCORE,
    DISPLAY_FIELDS,
    FILTERED,
    LABELS,
    ORDER_SCORES,
    PRICE,
    TITLE,
    filtered_by,
)
from workers.items.rows import Facts, ItemRow
from workers.stream.partitioning import partition_of
from workers.stream.table import Table


class ItemFacts:
    """Facts of items in the catalog; our own rows are a coalescing delay fresher than the index."""

    def __init__(self, items: Table[ItemRow], index: Lookup, item_partitions: int, *, shared: bool) -> None:
        """`shared`: the index knows the items of all workers, not only those of the partitions that are ours."""
        self._items = items
        self._index = index
        self._item_partitions = item_partitions
        self._shared = shared

    def out_of_reach(self, item_ids: Iterable[str]) -> list[str]:
        """Those of the items of which only another worker can say whether they exist."""
        if self._shared:
            return []
        ours, count = self._items.partitions, self._item_partitions
        return [item_id for item_id in item_ids if partition_of(item_id, count) not in ours]

    async def of(self, item_ids: Iterable[str], *, available: bool = False) -> dict[str, Facts]:
        """Facts by item id; an item that the catalog does not have is left out.

        `available`: one that is unavailable, too, even while the index or a list of popular items still shows it.
        """
        found: dict[str, Facts] = {}
        elsewhere = []
        partitions, count = self._items.partitions, self._item_partitions
        for item_id in item_ids:
            rows = partitions.get(partition_of(item_id, count))
            if rows is None:
                elsewhere.append(item_id)
            elif (row := rows.get(item_id)) is not None and row.catalog is not None:
                found[item_id] = row.facts()
        if elsewhere:
            found |= await self._from_index(elsewhere)
        return {item_id: facts for item_id, facts in found.items() if facts.available} if available else found

    async def filtered(self, item_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """What filters check (`FILTERED`), by item id; an item that the catalog does not have is left out."""
        return await self._payloads(item_ids, FILTERED, filtered_by)

    async def display_fields(self, item_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """What answers show of items, by item id; an item that the catalog does not have is left out."""
        return await self._payloads(item_ids, DISPLAY_FIELDS, ItemRow.entry)

    async def rows(self, item_ids: Sequence[str], space: str) -> dict[str, SparseVector]:
        """Each item's row of counts, TRANSITIONS or BOUGHT, by item id; an item without any is left out or empty."""
        found: dict[str, SparseVector] = {}
        for item_id in item_ids:
            rows = self._items.partitions.get(partition_of(item_id, self._item_partitions))
            row = None if rows is None else rows.get(item_id)
            if row is not None:
                found[item_id] = row.use.bought_row() if space == BOUGHT else row.transition_row()
        elsewhere = [item_id for item_id in item_ids if item_id not in found]
        records = await self._index.get(elsewhere, payload=False, vectors=(space,)) if elsewhere else {}
        for item_id, record in records.items():
            if isinstance(stored := (record.vectors or {}).get(space), SparseVector):
                found[item_id] = stored
        return found

    async def _payloads(
        self, item_ids: Sequence[str], names: tuple[str, ...], of_row: Callable[[ItemRow], Mapping[str, Any]]
    ) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        elsewhere = []
        for item_id in item_ids:
            rows = self._items.partitions.get(partition_of(item_id, self._item_partitions))
            if rows is None:
                elsewhere.append(item_id)
            elif (row := rows.get(item_id)) is not None and row.catalog is not None:
                found[item_id] = of_row(row)
        if elsewhere:
            records = await self._index.get(elsewhere, payload=names)
            found |= {item_id: record.payload or {} for item_id, record in records.items()}
        return found

    async def _from_index(self, item_ids: list[str]) -> dict[str, Facts]:
        records = await self._index.get(item_ids, payload=(*_FIELDS, PRICE, TITLE))
        payloads = ((item_id, record.payload or {}) for item_id, record in records.items())
        return {
            item_id: Facts(*(payload[name] for name in _FIELDS))._replace(
                labels=tuple(payload[LABELS]), price=payload.get(PRICE, nan), title=payload.get(TITLE, "")
            )
            for item_id, payload in payloads
            if BUYERS in payload
        }


_FIELDS = (COUNT, LABELS, ORDER_SCORES, DAY_SCORE, BUYERS, AVAILABLE)
