"""Copies an index into another one (I/O), for the way from one worker to several and back."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Protocol

from workers.index.port import Index
from workers.index.types import Point, Schema


class Movable(Index, Protocol):
    """An index that gives back what it holds."""

    async def points(self, item_ids: Iterable[str]) -> list[Point]:
        """The stored items among `item_ids`, whole."""


async def stored_ids(index: Index) -> AsyncIterator[list[str]]:
    """Every stored item, page by page; one that comes or goes meanwhile may be left out."""
    page = await index.list_ids()
    while True:
        yield page.item_ids
        if page.following is None:
            return
        page = await index.list_ids(page.following)


async def move(
    source: Movable, target: Index, schema: Schema, progress: Callable[[int], None] = lambda copied: None
) -> int:
    """Copy every item of `source`, open with `schema`, to `target`, which is opened; return how many.

    Nothing may write to either meanwhile. Items that the target held before stay, unless the source has them
    too. Repeating it is safe. `progress` gets how many are copied, page by page.
    """
    await target.ensure(schema)
    copied = 0
    async for item_ids in stored_ids(source):
        points = await source.points(item_ids)
        await target.upsert(points)
        copied += len(points)
        progress(copied)
    return copied
