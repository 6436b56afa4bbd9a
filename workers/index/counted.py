"""The index for those who answer: counts what it is asked, since each call to a server costs both of them time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workers.index.port import Index
from workers.index.types import Hit, IdPage, Point, Query, Schema
from workers.metrics import Metrics


class CountedIndex:
    """Index port that counts the calls that read, and the searches in them."""

    def __init__(self, index: Index, metrics: Metrics) -> None:
        self._index = index
        self._metrics = metrics

    async def ensure(self, schema: Schema) -> None:
        await self._index.ensure(schema)

    async def upsert(self, points: Sequence[Point]) -> None:
        await self._index.upsert(points)

    async def delete(self, item_ids: Iterable[str]) -> None:
        await self._index.delete(item_ids)

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        found = await self._index.search(queries)
        self._metrics.count_index_call("search", searches=len(queries))
        return found

    async def payloads(self, item_ids: Iterable[str], fields: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        found = await self._index.payloads(item_ids, fields)
        self._metrics.count_index_call("payloads")
        return found

    async def list_ids(self, start: str | None = None) -> IdPage:
        found = await self._index.list_ids(start)
        self._metrics.count_index_call("list_ids")
        return found

    async def close(self) -> None:
        await self._index.close()
