"""The index embedded in the worker: Qdrant Edge in a folder of its own, durable through its write-ahead log.

Edge holds the interpreter lock during every call, so threads gain nothing: calls are made in place, writes in
slices of 1 to 2 ms with a pass of the event loop in between. A write that returned survives kill -9.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import qdrant_edge as edge

from models.primitives.sparse import SparseVector
from workers.errors import ConfigurationError
from workers.index.edge_format import edge_filter, edge_point, edge_vectors, our_point
from workers.index.edge_shard import open_shard, translated, write_back
from workers.index.filters import Condition
from workers.index.point_ids import uuid_ids
from workers.index.port import TIE_WINDOW
from workers.index.types import Hit, IdPage, Point, Query, Schema
from workers.index.validate import checked_id, checked_point, checked_queries
from workers.index.waves import runs

_POINTS_A_SLICE = 16
"""Points checked, or converted and written, in one go: 70 µs each at 256 dimensions; larger ones are not faster."""
_IDS_A_SLICE = 256
"""Points read or deleted in one call: 1 to 2 ms."""
_FLUSH_AFTER_WRITES = 20_000
"""Points between flushes, which hold the event loop for 40 ms: fewer do so more often; more lengthen log and restart,
and are held mapped in memory (20 MB more at 50,000)."""

T = TypeVar("T")


class EdgeIndex:
    """Index port over one Edge shard; a folder can be open in one process only."""

    def __init__(self, folder: Path, *, renew: bool = False, flush_after_writes: int = _FLUSH_AFTER_WRITES) -> None:
        """`renew`: an index that was built for another schema is emptied, not refused: who fills it has all rows."""
        self._folder = folder
        self._renew = renew
        self._ids = uuid_ids()
        self._schema = Schema()
        self._shard: Any = None
        self._flush_after_writes = flush_after_writes
        self._unflushed = 0
        self._flushing = False

    async def ensure(self, schema: Schema) -> None:
        if self._shard is None:
            self._shard = open_shard(self._folder, schema, renew=self._renew)
            self._schema = schema
        elif self._schema.as_json() != schema.as_json():
            raise ConfigurationError(f"the index in {self._folder} is open with another schema: close it first")

    async def upsert(self, points: Sequence[Point]) -> None:
        self._opened()
        checked: list[Point] = []
        async for run in _turn_by_turn(runs(points, _POINTS_A_SLICE)):
            checked += [checked_point(self._schema, point) for point in run]
        async for run in _turn_by_turn(runs(checked, _POINTS_A_SLICE)):
            stored = [edge_point(point, self._ids) for point in run]
            self._write("upsert", edge.UpdateOperation.upsert_points(stored), len(run))
        await self._flush_if_due()

    async def delete(self, item_ids: Iterable[str]) -> None:
        self._opened()
        gone = [checked_id(item_id) for item_id in item_ids]
        async for run in _turn_by_turn(runs(gone, _IDS_A_SLICE)):
            point_ids: list[Any] = [self._ids.point_id(item_id) for item_id in run]
            self._write("delete", edge.UpdateOperation.delete_points(point_ids), len(run))
            self._ids.forget(run)
        await self._flush_if_due()

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        self._opened()
        checked = checked_queries(self._schema, queries)
        filters: dict[tuple[Condition, ...], Any] = {}
        for query in checked:
            if query.where not in filters:
                filters[query.where] = edge_filter(query.where, self._ids)
        requests = [_request(query, filters[query.where]) for query in checked]
        with translated("search", self._folder):
            found = self._shard.query_batch(edge.QueryBatchRequest(requests))
        return [self._hits(query, points) for query, points in zip(checked, found, strict=True)]

    async def payloads(self, item_ids: Iterable[str], fields: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        async for item_of, records in self._read(item_ids, list(fields) or False, vectors=False):
            found |= {item_of[record.id]: record.payload or {} for record in records}
        return found

    async def points(self, item_ids: Iterable[str]) -> list[Point]:
        """The stored items among `item_ids`, whole."""
        return [
            our_point(record)
            async for _, records in self._read(item_ids, payload=True, vectors=True)
            for record in records
        ]

    async def list_ids(self, start: str | None = None) -> IdPage:
        self._opened()
        offset = None if start is None else UUID(start)
        page = edge.ScrollRequest(offset=offset, limit=_IDS_A_SLICE, with_payload=["item_id"])
        with translated("list", self._folder):
            records, following = self._shard.scroll(page)
        return IdPage([record.payload["item_id"] for record in records], None if following is None else str(following))

    async def close(self) -> None:
        if self._shard is not None:
            shard, self._shard = self._shard, None
            with translated("close", self._folder):
                shard.close()

    def _opened(self) -> None:
        if self._shard is None:
            raise ConfigurationError(f"the index in {self._folder} is not open: call ensure(schema) first")

    def _write(self, action: str, operation: Any, points: int) -> None:
        with translated(action, self._folder):
            self._shard.update(operation)
        self._unflushed += points

    async def _flush_if_due(self) -> None:
        if self._flushing or self._unflushed < self._flush_after_writes:
            return
        self._flushing = True
        try:
            # Most of what Edge waits for while it holds the interpreter lock is the disk: it has less to do after this.
            await asyncio.to_thread(write_back, self._folder)
            if self._shard is not None:
                with translated("flush", self._folder):
                    self._shard.flush()
                self._unflushed = 0
        finally:
            self._flushing = False

    async def _read(
        self, item_ids: Iterable[str], payload: Any, *, vectors: bool
    ) -> AsyncIterator[tuple[dict[UUID, str], list[Any]]]:
        """Stored items among `item_ids` in slices: the items of the points asked for, and what Edge holds of them."""
        self._opened()
        wanted = list(dict.fromkeys(checked_id(item_id) for item_id in item_ids))
        async for run in _turn_by_turn(runs(wanted, _IDS_A_SLICE)):
            item_of = {self._ids.point_id(item_id): item_id for item_id in run}
            found = self._retrieve(list(item_of), payload, vectors=vectors)
            held = {record.id for record in found}
            self._ids.forget(item_id for point_id, item_id in item_of.items() if point_id not in held)
            yield item_of, found

    def _retrieve(self, ids: list[UUID], payload: Any, *, vectors: bool = False) -> list[Any]:
        with translated("read", self._folder):
            found: list[Any] = self._shard.retrieve(ids, payload, vectors)
        return found

    def _hits(self, query: Query, points: Sequence[Any]) -> list[Hit]:
        scores = [point.score for point in points]
        # Edge sorts by score. What lies below the last place can't win a tie, and reading an id costs 1 µs.
        last_position = scores[query.limit - 1] if len(scores) > query.limit else -math.inf
        kept = [n for n, score in enumerate(scores) if score >= last_position]
        if isinstance(query.vector, SparseVector):
            # Edge keeps scores of 0 and less with a filter and drops the zeros without one.
            kept = [n for n in kept if scores[n] > 0.0]
        names = self._names([points[n].id for n in kept])
        best = sorted(zip((-scores[n] for n in kept), names, strict=True))[: query.limit]
        return [Hit(item_id, -negative) for negative, item_id in best]

    def _names(self, point_ids: list[UUID]) -> list[str]:
        names = self._ids.item_ids(point_ids)
        unknown = [point_id for point_id, name in zip(point_ids, names, strict=True) if name is None]
        if not unknown:
            return [name for name in names if name is not None]
        stored = {record.id: record.payload["item_id"] for record in self._retrieve(unknown, ["item_id"])}
        for item_id in stored.values():
            self._ids.point_id(item_id)
        return [name or stored[point_id] for point_id, name in zip(point_ids, names, strict=True)]


async def _turn_by_turn(parts: Iterable[T]) -> AsyncIterator[T]:
    """The parts, with a pass of the event loop between one and the next."""
    for position, part in enumerate(parts):
        if position:
            await asyncio.sleep(0)
        yield part


def _request(query: Query, condition: Any) -> Any:
    vector = edge_vectors({query.using: query.vector})[query.using]
    nearest = edge.Query.Nearest(vector, query.using)
    return edge.QueryRequest(limit=query.limit + TIE_WINDOW, query=nearest, filter=condition)
