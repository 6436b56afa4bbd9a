"""Embeddings for folding events, which goes on while an index on a server does not answer."""

import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from workers.errors import DependencyError
from workers.index.port import Lookup
from workers.items.points import ItemPoints
from workers.items.rows import ItemRow
from workers.items.vectors import ItemVectors, Vector
from workers.stream.partitioning import partition_of
from workers.stream.table import Table

log = logging.getLogger(__name__)


class FoldVectors(Protocol):
    """Embeddings by item id; those of unknown items are left out, and their share of a taste waits."""

    async def of(self, item_ids: Iterable[str]) -> Mapping[str, Vector]:
        """float32 (dim,) of unit length, of every item that has one."""


class VectorsAtHand:
    """As the index has them; while it does not answer, copies and our own rows.

    An item of another worker then counts as unknown: its share of a taste waits in the user's row.
    """

    def __init__(
        self, vectors: ItemVectors, index: Lookup, items: Table[ItemRow], points: ItemPoints, item_partitions: int
    ) -> None:
        self._vectors = vectors
        self._index = index
        self._items = items
        self._points = points
        self._item_partitions = item_partitions

    async def of(self, item_ids: Iterable[str]) -> dict[str, Vector]:
        """float32 (dim,) of unit length; never a DependencyError."""
        wanted = list(dict.fromkeys(item_ids))
        try:
            return await self._vectors.of(wanted, self._index)
        except DependencyError as error:
            log.debug("vectors come from what is at hand: %s", error)
        held = self._vectors.held(wanted)
        return held | {item_id: own for item_id in wanted if item_id not in held and (own := self._own(item_id)).any()}

    def _own(self, item_id: str) -> Vector:
        rows = self._items.partitions.get(partition_of(item_id, self._item_partitions))
        row = None if rows is None else rows.get(item_id)
        return self._points.embed({} if row is None else row.entry())
