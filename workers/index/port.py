"""The port to the vector index: what its writers and those who answer ask of any back end."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from workers.index.types import Hit, IdPage, Point, Query, Schema

TIE_WINDOW = 64
"""Hits that a back end reads beyond a query's limit, so that the id decides ties at the cut."""


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

    async def delete(self, item_ids: Iterable[str]) -> None:
        """Remove items; an unknown id is no error."""

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        """Answer each query with its hits, sorted by (−score, item_id), all from one state of the index.

        A sparse search returns positive scores only. When items of one and the same score straddle the
        limit, those with the smallest ids are returned if at most `TIE_WINDOW` of them don't fit; with more, which ones
        is up to the back end.
        """

    async def payloads(self, item_ids: Iterable[str], fields: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        """These top-level fields, as far as stored, of the stored items among `item_ids`, by id."""

    async def list_ids(self, start: str | None = None) -> IdPage:
        """Stored items from `start` on, a page's `following`; one that comes or goes meanwhile may be left out."""

    async def close(self) -> None:
        """Make everything durable and let go; a second call does nothing."""
