"""Copies an index into another one (I/O), for the way from one worker to several and back."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from workers.index.port import Index
from workers.index.types import Point, Schema

BATCH = 256
"""Items read and written at once: a few megabytes at most."""


class Listed(Index, Protocol):
    """An index that can name what it holds."""

    def item_ids(self) -> AsyncIterator[str]:
        """Every stored item, in no particular order; one that comes or goes meanwhile may be left out."""


async def move(
    source: Listed, target: Index, schema: Schema, progress: Callable[[int], None] = lambda copied: None
) -> int:
    """Copy every item of `source`, open with `schema`, to `target`, which is opened; return how many.

    Nothing may write to either meanwhile. Items that the target held before stay, unless the source has them
    too. Repeating it is safe. `progress` gets how many are copied, batch by batch.
    """
    await target.ensure(schema)
    copied = 0
    batch: list[str] = []
    async for item_id in source.item_ids():
        batch.append(item_id)
        if len(batch) == BATCH:
            copied += await _copy(source, target, schema, batch)
            progress(copied)
            batch = []
    if batch:
        copied += await _copy(source, target, schema, batch)
        progress(copied)
    return copied


async def _copy(source: Index, target: Index, schema: Schema, item_ids: list[str]) -> int:
    records = await source.get(item_ids, vectors=(*schema.dense, *schema.sparse))
    await target.upsert([Point(i, record.vectors or {}, record.payload or {}) for i, record in records.items()])
    return len(records)
