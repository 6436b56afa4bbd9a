"""Lists of popular items are the same for all users: asked of the index once a second, not once a request."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from models.primitives.sparse import SparseVector
from workers.index.filters import Equals, ExcludeIds
from workers.index.types import Hit, Query
from workers.items.points import POPULARITY

# Items of a list. Who has seen so many of them that too few are left is answered by the index itself.
LENGTH = 200
# Seconds that a list is used. It only decides which items are considered: how popular each is now comes
# from its row.
KEPT_S = 1.0
# Lists kept: half-lives times the categories that users like best, about 20 KB each.
LISTS_BOUND = 256

_AVAILABLE = Equals("available", 1)


class Searcher(Protocol):
    """The part of an index that searches candidates."""

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        """As `Index.search`."""


class PopularLists:
    """Searches like the index; where a query asks for plain popularity, in a list at most a second old."""

    def __init__(self, index: Searcher) -> None:
        self._index = index
        self._kept: OrderedDict[int, tuple[float, list[Hit]]] = OrderedDict()

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        """Hits of each query; raises `DependencyError` like the index."""
        await self._renew({_list_of(query): query for query in queries if _is_plain(query)})
        answers = [self._from_list(query) for query in queries]
        asked = [query for query, hits in zip(queries, answers, strict=True) if hits is None]
        found = iter(await self._index.search(asked) if asked else [])
        return [next(found) if hits is None else hits for hits in answers]

    async def _renew(self, wanted: dict[int, Query]) -> None:
        now = asyncio.get_running_loop().time()
        stale = {name: query for name, query in wanted.items() if self._kept.get(name, (0.0, []))[0] <= now}
        if not stale:
            return
        whole = [Query(query.using, query.vector, LENGTH, (_AVAILABLE,)) for query in stale.values()]
        for name, hits in zip(stale, await self._index.search(whole), strict=True):
            self._kept[name] = (now + KEPT_S, hits)
            self._kept.move_to_end(name)
        while len(self._kept) > LISTS_BOUND:
            self._kept.popitem(last=False)

    def _from_list(self, query: Query) -> list[Hit] | None:
        """The first hits of the list that the query allows; None if the list can't give all of them."""
        kept = self._kept.get(_list_of(query)) if _is_plain(query) else None
        if kept is None:
            return None
        _, hits = kept
        left_out = frozenset[str]().union(*(one.item_ids for one in query.where if isinstance(one, ExcludeIds)))
        allowed = (hit for hit in hits if hit.item_id not in left_out)
        first = list(islice(allowed, query.limit))
        return first if len(hits) < LENGTH or len(first) == query.limit else None


def _is_plain(query: Query) -> bool:
    """Whether a query asks for popular available items, leaving out named ones and nothing else."""
    return (
        query.using == POPULARITY
        and _AVAILABLE in query.where
        and all(condition == _AVAILABLE or isinstance(condition, ExcludeIds) for condition in query.where)
        and not query.payload
        and not query.vectors
    )


def _list_of(query: Query) -> int:
    """Name of the list that a query over popularity asks for: its only sparse index."""
    return int(query.vector.indices[0]) if isinstance(query.vector, SparseVector) and len(query.vector) else -1
