"""The index on a Qdrant server, shared by several workers (gRPC): for catalogs beyond one process.

A write that returned is applied and visible; on a cluster that takes a `write_consistency_factor` of all
replicas. Reads give up early, and fail at once while the server does not answer; writes wait longer.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from qdrant_client import grpc

from models.primitives.sparse import SparseVector
from workers.errors import ConfigurationError, DependencyError
from workers.index.breaker import Clock
from workers.index.filters import Condition
from workers.index.point_ids import text_ids
from workers.index.port import TIE_WINDOW
from workers.index.server_format import (
    ITEM_ID,
    only_fields,
    our_payload,
    our_point,
    selector,
    server_filter,
    server_point,
    server_query,
)
from workers.index.server_link import Call, ServerLink, ServerOptions
from workers.index.server_schema import collection_exists, open_collection
from workers.index.types import Hit, IdPage, Point, Query, Schema
from workers.index.validate import checked_id, checked_point, checked_queries
from workers.index.waves import in_waves

WRITE_SIZE = 64
"""Points a call: one by one a server took 700 a second, in 64s 15,000; larger runs hold our event loop longer."""
READ_SIZE = 256
SIDE_BY_SIDE = 4
"""Calls of one batch under way at once; with 8 a server took 26,000 points a second, but searches wait behind them."""


class QdrantServerIndex:
    """Index port over one collection, the same for every worker of a service."""

    def __init__(self, options: ServerOptions, clock: Clock = time.monotonic) -> None:
        self._link = ServerLink(options, clock)
        self._ids = text_ids()
        self._schema: Schema | None = None
        self._asked = False

    async def ensure(self, schema: Schema) -> None:
        self._asked = True
        try:
            await self._link.open()
            await open_collection(self._link, schema)
        except ConfigurationError:
            self._asked = False
            raise
        self._schema = schema

    async def upsert(self, points: Sequence[Point]) -> None:
        schema = self._opened()
        # Runs of one batch overtake each other, so each item is in it once: the last one wins.
        last = {point.item_id: point for point in [checked_point(schema, point) for point in points]}
        await in_waves(self._upsert, list(last.values()), WRITE_SIZE, side_by_side=SIDE_BY_SIDE)

    async def delete(self, item_ids: Iterable[str]) -> None:
        self._opened()
        unwanted = [checked_id(item_id) for item_id in item_ids]
        await in_waves(self._delete, unwanted, READ_SIZE, side_by_side=SIDE_BY_SIDE)

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        schema = self._opened()
        checked = checked_queries(schema, queries)
        asked = [position for position, query in enumerate(checked) if not _is_empty(query)]
        found = dict(zip(asked, await self._nearest([checked[position] for position in asked]), strict=True))
        names = await self._names({point.id.uuid for points in found.values() for point in points})
        return [_hits(query, found.get(position, ()), names) for position, query in enumerate(checked)]

    async def payloads(self, item_ids: Iterable[str], fields: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        self._opened()
        item_of = {self._ids.point_id(checked_id(item_id)): item_id for item_id in item_ids}
        found = await self._fields(list(item_of), fields)
        self._ids.forget(item_id for uuid, item_id in item_of.items() if uuid not in found)
        return {item_id: our_payload(found[uuid]) for uuid, item_id in item_of.items() if uuid in found}

    async def points(self, item_ids: Iterable[str]) -> list[Point]:
        """The stored items among `item_ids`, whole."""
        self._opened()
        wanted = grpc.WithPayloadSelector(enable=True)
        uuids = [self._ids.point_id(checked_id(item_id)) for item_id in item_ids]
        return [our_point(found) for found in await self._read(uuids, wanted, vectors=True)]

    async def list_ids(self, start: str | None = None) -> IdPage:
        self._opened()
        request = grpc.ScrollPoints(
            collection_name=self._link.collection,
            offset=None if start is None else grpc.PointId(uuid=start),
            limit=READ_SIZE,
            with_payload=only_fields((ITEM_ID,)),
        )
        page = await self._link.write("listing items", self._link.points.Scroll, request)
        following = page.next_page_offset.uuid if page.HasField("next_page_offset") else None
        return IdPage([point.payload[ITEM_ID].string_value for point in page.result], following)

    async def drop(self) -> bool:
        """Delete the collection; False if there is none."""
        if not await self.exists():
            return False
        request = grpc.DeleteCollection(collection_name=self._link.collection)
        await self._link.write("deleting the collection", self._link.collections.Delete, request)
        return True

    async def exists(self) -> bool:
        """Whether the server has the collection; nothing is created."""
        await self._link.open()
        return await collection_exists(self._link)

    async def close(self) -> None:
        await self._link.close()
        self._schema, self._asked = None, False

    @property
    def answers(self) -> bool:
        """Whether it is open and the last read was answered, for all that is known."""
        return self._schema is not None and self._link.answers

    @property
    def breaks(self) -> int:
        """Times that the server was lost so far: since then it may be another one, or hold older data."""
        return self._link.breaks

    def _opened(self) -> Schema:
        if self._schema is not None:
            return self._schema
        if self._asked:
            # A worker that starts while its server is away goes on from its own state.
            raise DependencyError(f"{self._link.name} was not reached yet: go on with ensure(schema)")
        raise ConfigurationError(f"the index on {self._link.name} is not open: call ensure(schema) first")

    async def _upsert(self, points: Sequence[Point]) -> None:
        stored = [server_point(point, self._ids) for point in points]
        request = grpc.UpsertPoints(collection_name=self._link.collection, wait=True, points=stored)
        await self._change("upsert", self._link.points.Upsert, request)

    async def _delete(self, item_ids: Sequence[str]) -> None:
        points = selector(item_ids, self._ids)
        request = grpc.DeletePoints(collection_name=self._link.collection, wait=True, points=points)
        await self._change("delete", self._link.points.Delete, request)
        self._ids.forget(item_ids)

    async def _change(self, action: str, call: Call, request: Any) -> None:
        status = (await self._link.write(action, call, request)).result.status
        if status != grpc.UpdateStatus.Completed:
            name = grpc.UpdateStatus.Name(status)
            raise DependencyError(f"{self._link.name} took the {action} but did not apply it yet ({name}): repeat it")

    async def _nearest(self, queries: Sequence[Query]) -> list[Sequence[Any]]:
        if not queries:
            return []
        filters: dict[tuple[Condition, ...], grpc.Filter | None] = {}
        for query in queries:
            if query.where not in filters:
                filters[query.where] = server_filter(query.where, self._ids)
        name = self._link.collection
        points = [server_query(name, query, filters[query.where], query.limit + TIE_WINDOW) for query in queries]
        request = grpc.QueryBatchPoints(collection_name=name, query_points=points)
        reply = await self._link.read("search", self._link.points.QueryBatch, request)
        return [batch.result for batch in reply.result]

    async def _names(self, uuids: Collection[str]) -> dict[str, str]:
        """Items by point; those that are not remembered are read from the points, and those gone left out."""
        names = dict(zip(uuids, self._ids.item_ids(uuids), strict=True))
        unknown = [uuid for uuid, name in names.items() if name is None]
        for uuid, point in (await self._fields(unknown, (ITEM_ID,))).items():
            name = names[uuid] = point.payload[ITEM_ID].string_value
            self._ids.point_id(name)
        return {uuid: name for uuid, name in names.items() if name is not None}

    async def _fields(self, uuids: Sequence[str], names: tuple[str, ...]) -> dict[str, Any]:
        """Points that exist, by id, with these fields of their payload."""
        return {point.id.uuid: point for point in await self._read(uuids, only_fields(names), vectors=False)}

    async def _read(self, uuids: Sequence[str], payload: grpc.WithPayloadSelector, *, vectors: bool) -> list[Any]:
        ask = partial(self._read_run, payload=payload, vectors=vectors)
        found = await in_waves(ask, uuids, READ_SIZE, side_by_side=SIDE_BY_SIDE)
        return [point for run in found for point in run]

    async def _read_run(
        self, uuids: Sequence[str], payload: grpc.WithPayloadSelector, *, vectors: bool
    ) -> Sequence[Any]:
        request = grpc.GetPoints(
            collection_name=self._link.collection,
            ids=[grpc.PointId(uuid=uuid) for uuid in uuids],
            with_payload=payload,
            with_vectors=grpc.WithVectorsSelector(enable=vectors),
        )
        found: Sequence[Any] = (await self._link.read("reading items", self._link.points.Get, request)).result
        return found


def _is_empty(query: Query) -> bool:
    return isinstance(query.vector, SparseVector) and not len(query.vector)


def _hits(query: Query, points: Iterable[Any], names: Mapping[str, str]) -> list[Hit]:
    found = [(-point.score, names[point.id.uuid]) for point in points if point.id.uuid in names]
    if isinstance(query.vector, SparseVector):
        found = [hit for hit in found if hit[0] < 0.0]
    return [Hit(name, -negative) for negative, name in sorted(found)[: query.limit]]
