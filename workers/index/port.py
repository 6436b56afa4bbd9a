"""The port to the vector index: what agents and the query pipeline ask of any back end."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from workers.index.types import Hit, Patch, Point, Query, Record, Schema

TIE_WINDOW = 64
"""Hits that a back end reads beyond a query's limit, so that the id decides ties at the cut."""


class Lookup(Protocol):
    """The part of an index that reads items by id."""

    async def get(
        self, item_ids: Iterable[str], payload: bool | tuple[str, ...] = True, vectors: tuple[str, ...] = ()
    ) -> dict[str, Record]:
        """As `Index.get`."""


class Index(Protocol):
    """Items by id with named vectors and payload; a write that returned is visible to the next search.

    Every method checks its input first: BadRecordError, and nothing of the batch is written. A back end that
    fails or does not answer is a DependencyError: a part of the batch may be written, repeating it is safe.
    A batch goes in slices with other work in between; writes to one item are the caller's to order.
    """

    async def ensure(self, schema: Schema) -> None:
        """Open or create the index; ConfigurationError if it has another schema or can't be opened."""

    async def upsert(self, points: Sequence[Point]) -> None:
        """Store whole items; one that exists is replaced, with the vectors that the new one lacks."""

    async def patch(self, patches: Sequence[Patch]) -> list[str]:
        """Change existing items in the order given; return the ids that don't exist, which stay absent.

        An item's payload is written after its vectors, so a watermark in it never runs ahead of them.
        """

    async def delete(self, item_ids: Iterable[str]) -> None:
        """Remove items; an unknown id is no error."""

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        """Answer each query with its hits, sorted by (−score, item_id), all from one state of the index.

        A sparse search returns positive scores only. When items of one and the same score straddle the
        limit, those with the smallest ids are returned if at most `TIE_WINDOW` of them don't fit; with more, which ones
        is up to the back end.
        """

    async def get(
        self, item_ids: Iterable[str], payload: bool | tuple[str, ...] = True, vectors: tuple[str, ...] = ()
    ) -> dict[str, Record]:
        """Return the stored items among `item_ids` by id, with payload and vectors selected as in a Query."""

    async def close(self) -> None:
        """Make everything durable and let go; a second call does nothing."""
