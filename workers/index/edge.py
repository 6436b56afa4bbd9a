"""The index embedded in the worker: Qdrant Edge in a folder of its own, durable through its write-ahead log.

Edge holds the interpreter lock during every call, so threads gain nothing: calls are made in place, writes in
slices of about 2 ms with a pass of the event loop in between. A write that returned survives kill -9.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import qdrant_edge as edge

from models.primitives.sparse import SparseVector
from workers.errors import ConfigurationError
from workers.index.edge_format import edge_filter, edge_vectors, our_vectors, slices
from workers.index.edge_shard import open_shard, translated, write_back
from workers.index.filters import Condition
from workers.index.point_ids import uuid_ids
from workers.index.port import TIE_WINDOW
from workers.index.types import Hit, Patch, Point, Query, Record, Schema
from workers.index.validate import checked_id, checked_names, checked_patch, checked_point, checked_queries
from workers.index.waves import runs

_IDS_A_SLICE = 256
"""Points read or deleted in one call: 256 with a row of 200 entries take 2.5 ms."""
_FLUSH_AFTER_WRITES = 20_000
"""Points between flushes, which hold the event loop for 40 ms: fewer do so more often; more lengthen log and restart,
and are held mapped in memory (20 MB more at 50,000)."""

_STORED_NOTED = 131_072
"""Items known to be stored; what is forgotten is asked for again, at 1.5 µs an item."""

Selector = bool | tuple[str, ...]
T = TypeVar("T")


class EdgeIndex:
    """Index port over one Edge shard; a folder can be open in one process only."""

    def __init__(self, folder: Path, flush_after_writes: int = _FLUSH_AFTER_WRITES) -> None:
        self._folder = folder
        self._ids = uuid_ids()
        self._schema = Schema()
        self._shard: Any = None
        self._flush_after_writes = flush_after_writes
        self._unflushed = 0
        self._flushing = False
        self._stored: set[str] = set()
        """Some of the items that the shard holds: a patch need not ask for these."""

    async def ensure(self, schema: Schema) -> None:
        if self._shard is None:
            self._shard = open_shard(self._folder, schema)
            self._schema = schema
        elif self._schema.as_json() != schema.as_json():
            raise ConfigurationError(f"the index in {self._folder} is open with another schema: close it first")

    async def upsert(self, points: Sequence[Point]) -> None:
        self._opened()
        async for run in _turn_by_turn(slices([checked_point(self._schema, point) for point in points])):
            stored = [edge.Point(self._ids.point_id(p.item_id), edge_vectors(p.vectors), dict(p.payload)) for p in run]
            self._write("upsert", edge.UpdateOperation.upsert_points(stored), len(run))
            self._note_stored(point.item_id for point in run)
        await self._flush_if_due()

    async def patch(self, patches: Sequence[Patch]) -> list[str]:
        self._opened()
        missing: list[str] = []
        async for run in _turn_by_turn(slices([checked_patch(self._schema, patch) for patch in patches])):
            # Edge refuses a batch with a missing id after applying a part of it.
            absent = self._not_stored({patch.item_id for patch in run} - self._stored)
            self._patch([patch for patch in run if patch.item_id not in absent])
            missing += [patch.item_id for patch in run if patch.item_id in absent]
        await self._flush_if_due()
        return missing

    async def delete(self, item_ids: Iterable[str]) -> None:
        self._opened()
        gone = [checked_id(item_id) for item_id in item_ids]
        async for run in _turn_by_turn(runs(gone, _IDS_A_SLICE)):
            point_ids: list[Any] = [self._ids.point_id(item_id) for item_id in run]
            self._stored.difference_update(run)
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

    async def get(
        self, item_ids: Iterable[str], payload: Selector = True, vectors: tuple[str, ...] = ()
    ) -> dict[str, Record]:
        self._opened()
        checked_names(self._schema, vectors)
        wanted = list(dict.fromkeys(checked_id(item_id) for item_id in item_ids))
        records: dict[str, Record] = {}
        async for run in _turn_by_turn(runs(wanted, _IDS_A_SLICE)):
            records.update(self._records(run, payload, vectors))
        return records

    async def close(self) -> None:
        if self._shard is not None:
            shard, self._shard = self._shard, None
            with translated("close", self._folder):
                shard.close()

    async def item_ids(self) -> AsyncIterator[str]:
        """Every stored item, in no particular order; one that comes or goes meanwhile may be left out."""
        self._opened()
        offset = None
        while True:
            page = edge.ScrollRequest(offset=offset, limit=_IDS_A_SLICE, with_payload=["item_id"])
            with translated("list", self._folder):
                records, offset = self._shard.scroll(page)
            for record in records:
                yield record.payload["item_id"]
            if offset is None:
                return
            await asyncio.sleep(0)

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

    def _patch(self, patches: Sequence[Patch]) -> None:
        changed = [
            edge.PointVectors(self._ids.point_id(p.item_id), edge_vectors(p.vectors)) for p in patches if p.vectors
        ]
        if changed:
            self._write("patch", edge.UpdateOperation.update_vectors(changed), len(changed))
        for patch in patches:
            if patch.payload:
                point_id = self._ids.point_id(patch.item_id)
                self._write("patch", edge.UpdateOperation.set_payload([point_id], dict(patch.payload)), 1)

    def _not_stored(self, item_ids: set[str]) -> set[str]:
        by_point = {self._ids.point_id(item_id): item_id for item_id in item_ids}
        if not by_point:
            return set()
        found = [by_point[record.id] for record in self._retrieve(list(by_point))]
        self._note_stored(found)
        missing = item_ids.difference(found)
        self._ids.forget(missing)
        return missing

    def _note_stored(self, item_ids: Iterable[str]) -> None:
        if len(self._stored) >= _STORED_NOTED:
            self._stored.clear()
        self._stored.update(item_ids)

    def _retrieve(self, ids: list[UUID], payload: Selector = False, vectors: tuple[str, ...] = ()) -> list[Any]:
        with translated("read", self._folder):
            found: list[Any] = self._shard.retrieve(ids, _selected(payload), list(vectors) or False)
        return found

    def _records(self, item_ids: Sequence[str], payload: Selector, vectors: tuple[str, ...]) -> dict[str, Record]:
        item_of = {self._ids.point_id(item_id): item_id for item_id in item_ids}
        records = {
            item_of[found.id]: Record(
                item_of[found.id],
                None if payload is False else (found.payload or {}),
                our_vectors(found.vector or {}, vectors) if vectors else None,
            )
            for found in self._retrieve(list(item_of), payload, vectors)
        }
        self._ids.forget(item_id for item_id in item_ids if item_id not in records)
        return records

    def _hits(self, query: Query, points: Sequence[Any]) -> list[Hit]:
        scores = [point.score for point in points]
        # Edge sorts by score. What lies below the last place can't win a tie, and reading an id costs 1 µs.
        last_position = scores[query.limit - 1] if len(scores) > query.limit else -math.inf
        kept = [n for n, score in enumerate(scores) if score >= last_position]
        if isinstance(query.vector, SparseVector):
            # Edge keeps scores of 0 and less with a filter and drops the zeros without one.
            kept = [n for n in kept if scores[n] > 0.0]
        names = self._names([points[n].id for n in kept])
        scored = [(scores[n], item_id) for n, item_id in zip(kept, names, strict=True)]
        best = sorted(scored, key=lambda hit: (-hit[0], hit[1]))[: query.limit]
        if query.payload is False and not query.vectors:
            return [Hit(item_id, score) for score, item_id in best]
        records = self._records([item_id for _, item_id in best], query.payload, query.vectors)
        return [Hit(i, score, records[i].payload, records[i].vectors) for score, i in best]

    def _names(self, point_ids: list[UUID]) -> list[str]:
        names = self._ids.item_ids(point_ids)
        unknown = [point_id for point_id, name in zip(point_ids, names, strict=True) if name is None]
        if not unknown:
            return [name for name in names if name is not None]
        stored = {record.id: record.payload["item_id"] for record in self._retrieve(unknown, ("item_id",))}
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


def _selected(payload: Selector) -> Any:
    return payload if isinstance(payload, bool) else list(payload)
