"""The command that copies an index into another one, and checks the copy (I/O)."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

import numpy as np

from models.primitives.sparse import SparseVector
from workers.errors import ConfigurationError, DependencyError
from workers.index.endpoints import open_source, open_target
from workers.index.move import Listed, move
from workers.index.types import Record, Schema, Vector
from workers.index.waves import runs
from workers.messages.plurals import counted
from workers.settings import Settings

# Items compared afterwards, spread evenly over all of them: a copy of another kind would differ in each.
SAMPLE = 500
DELETED_AT_ONCE = 256


class Moved(NamedTuple):
    """Items copied, those of the target that the source lacks and that are gone now, and those compared."""

    copied: int
    removed: int
    compared: int


async def move_index(
    source_name: str,
    target_name: str,
    schema: Schema,
    settings: Settings,
    *,
    overwrite: bool,
    begin: Callable[[int], None] = lambda total: None,
    progress: Callable[[int], None] = lambda copied: None,
) -> Moved:
    """Copy everything; with `overwrite` the target may hold items, and holds those of the source afterwards.

    `begin` gets how many items there are, `progress` how many are copied. Raises ConfigurationError for a
    target that is not empty, DependencyError if a copy differs.
    """
    source = await open_source(source_name, schema, settings)
    try:
        target = await open_target(target_name, schema, settings)
        try:
            return await _moved(source, target, schema, overwrite, begin, progress)
        finally:
            await target.close()
    finally:
        await source.close()


async def _moved(
    source: Listed,
    target: Listed,
    schema: Schema,
    overwrite: bool,
    begin: Callable[[int], None],
    progress: Callable[[int], None],
) -> Moved:
    held = await _ids(target.item_ids())
    if held and not overwrite:
        raise ConfigurationError(
            f"the target holds {counted(len(held), 'item')} already: "
            "name an empty one, or add --overwrite to replace them"
        )
    wanted = await _ids(source.item_ids())
    begin(len(wanted))
    copied = await move(source, target, schema, progress)
    surplus = sorted(held - wanted)
    for run in runs(surplus, DELETED_AT_ONCE):
        await target.delete(run)
    return Moved(copied, len(surplus), await _compare(source, target, schema, sorted(wanted)))


async def _ids(listing: AsyncIterator[str]) -> set[str]:
    return {item_id async for item_id in listing}


async def _compare(source: Listed, target: Listed, schema: Schema, item_ids: Sequence[str]) -> int:
    sample = item_ids[:: max(1, len(item_ids) // SAMPLE)]
    names = (*schema.dense, *schema.sparse)
    for run in runs(sample, DELETED_AT_ONCE):
        theirs, ours = await source.get(run, vectors=names), await target.get(run, vectors=names)
        differing = [item_id for item_id in run if not _same(theirs.get(item_id), ours.get(item_id))]
        if differing:
            raise DependencyError(f"{len(differing)} of {len(run)} copies differ, such as {differing[:3]}: move again")
    return len(sample)


def _same(one: Record | None, other: Record | None) -> bool:
    if one is None or other is None:
        return one is other
    mine, yours = one.vectors or {}, other.vectors or {}
    return (
        one.payload == other.payload
        and mine.keys() == yours.keys()
        and all(_alike(vector, yours[name]) for name, vector in mine.items())
    )


def _alike(one: Vector, other: Vector) -> bool:
    """Equal but for the rounding of a length of one."""
    if isinstance(one, SparseVector) and isinstance(other, SparseVector):
        return np.array_equal(one.indices, other.indices) and np.allclose(one.values, other.values, rtol=1e-6)
    if isinstance(one, SparseVector) or isinstance(other, SparseVector):
        return False
    return one.shape == other.shape and np.allclose(one, other, atol=1e-6)
