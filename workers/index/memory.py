"""The index in this process's memory: exact, without disk; for tests, evaluation and small catalogs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.primitives.sparse import SparseVector
from models.retrieval.exact_index import ExactIndex
from workers.errors import ConfigurationError
from workers.index.filters import Condition, ExcludeIds, matches
from workers.index.types import Hit, IdPage, Point, Query, Schema, Vector
from workers.index.validate import checked_id, checked_point, checked_queries

_IDS_A_PAGE = 256


class MemoryIndex:
    """Index port over `models.retrieval.exact_index`; what it holds ends with the process."""

    def __init__(self) -> None:
        self._schema: Schema | None = None
        self._items = ExactIndex({}, ())
        self._payloads: dict[str, dict[str, Any]] = {}

    async def ensure(self, schema: Schema) -> None:
        if self._schema is None:
            self._schema = schema
            self._items = ExactIndex({name: spec.dim for name, spec in schema.dense.items()}, schema.sparse)
        elif self._schema.as_json() != schema.as_json():
            raise ConfigurationError("the memory index was opened with another schema: start a new one")

    async def upsert(self, points: Sequence[Point]) -> None:
        for point in [checked_point(self._opened(), point) for point in points]:
            self._items.remove(point.item_id)
            self._items.add(point.item_id)
            self._put(point.item_id, point.vectors)
            self._payloads[point.item_id] = dict(point.payload)

    async def delete(self, item_ids: Iterable[str]) -> None:
        for item_id in [checked_id(item_id) for item_id in item_ids]:
            self._items.remove(item_id)
            self._payloads.pop(item_id, None)

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        return [self._search(query) for query in checked_queries(self._opened(), queries)]

    async def payloads(self, item_ids: Iterable[str], fields: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        self._opened()
        known = [i for i in [checked_id(item_id) for item_id in item_ids] if i in self._items]
        return {i: {name: self._payloads[i][name] for name in fields if name in self._payloads[i]} for i in known}

    async def list_ids(self, start: str | None = None) -> IdPage:
        self._opened()
        left = sorted(item_id for item_id in self._payloads if start is None or item_id >= start)
        return IdPage(left[:_IDS_A_PAGE], left[_IDS_A_PAGE] if len(left) > _IDS_A_PAGE else None)

    async def close(self) -> None:
        """Nothing to let go of: the items stay until the object goes."""

    def _opened(self) -> Schema:
        if self._schema is None:
            raise ConfigurationError("the memory index is not open: call ensure(schema) first")
        return self._schema

    def _put(self, item_id: str, vectors: Mapping[str, Vector]) -> None:
        for name, vector in vectors.items():
            if isinstance(vector, SparseVector):
                self._items.put_sparse(item_id, name, vector)
            else:
                self._items.put_dense(item_id, name, vector)

    def _search(self, query: Query) -> list[Hit]:
        excluded = [item_id for c in query.where if isinstance(c, ExcludeIds) for item_id in c.item_ids]
        conditions = [c for c in query.where if not isinstance(c, ExcludeIds)]

        def allowed(item_id: str) -> bool:
            return self._meets(conditions, item_id)

        keep = allowed if conditions else None
        if isinstance(query.vector, SparseVector):
            found = self._items.search_sparse(query.using, query.vector, query.limit, excluded, keep)
        else:
            found = self._items.search_dense(query.using, query.vector, query.limit, excluded, keep)
        return [Hit(item_id, score) for item_id, score in found]

    def _meets(self, conditions: Sequence[Condition], item_id: str) -> bool:
        return all(matches(condition, item_id, self._payloads[item_id]) for condition in conditions)
