"""The index for those who answer: counts what it is asked, since each call to a server costs both of them time."""

from collections.abc import Iterable, Sequence

from workers.index.port import Index
from workers.index.types import Hit, Patch, Point, Query, Record, Schema
from workers.metrics import Metrics


class CountedIndex:
    """Index port that counts calls that read, the searches in them, and the points that came with more than an id."""

    def __init__(self, index: Index, metrics: Metrics) -> None:
        self._index = index
        self._metrics = metrics

    async def ensure(self, schema: Schema) -> None:
        await self._index.ensure(schema)

    async def upsert(self, points: Sequence[Point]) -> None:
        await self._index.upsert(points)

    async def patch(self, patches: Sequence[Patch]) -> list[str]:
        return await self._index.patch(patches)

    async def delete(self, item_ids: Iterable[str]) -> None:
        await self._index.delete(item_ids)

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        found = await self._index.search(queries)
        loaded = sum(len(hits) for query, hits in zip(queries, found, strict=True) if query.payload or query.vectors)
        self._metrics.count_index_call("search", searches=len(queries), loaded=loaded)
        return found

    async def get(
        self, item_ids: Iterable[str], payload: bool | tuple[str, ...] = True, vectors: tuple[str, ...] = ()
    ) -> dict[str, Record]:
        found = await self._index.get(item_ids, payload, vectors)
        self._metrics.count_index_call("get", loaded=len(found) if payload or vectors else 0)
        return found

    async def close(self) -> None:
        await self._index.close()
