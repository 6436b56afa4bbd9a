"""The command that copies an index into another one, and checks the copy (I/O)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from models.primitives.sparse import SparseVector
from workers.errors import ConfigurationError, DependencyError
from workers.index.endpoints import open_source, open_target
from workers.index.move import Movable, move, stored_ids
from workers.index.types import Point, Schema, Vector
from workers.index.waves import runs
from workers.messages.plurals import counted
from workers.settings import Settings

# Items compared afterwards, spread evenly over all of them: a copy of another kind would differ in each.
SAMPLE = 500
COMPARED_AT_ONCE = 256


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
    source: Movable,
    target: Movable,
    schema: Schema,
    overwrite: bool,
    begin: Callable[[int], None],
    progress: Callable[[int], None],
) -> Moved:
    held = await _ids(target)
    if held and not overwrite:
        raise ConfigurationError(
            f"the target holds {counted(len(held), 'item')} already: "
            "name an empty one, or add --overwrite to replace them"
        )
    wanted = await _ids(source)
    begin(len(wanted))
    copied = await move(source, target, schema, progress)
    surplus = sorted(held - wanted)
    await target.delete(surplus)
    return Moved(copied, len(surplus), await _compare(source, target, sorted(wanted)))


async def _ids(index: Movable) -> set[str]:
    return {item_id async for page in stored_ids(index) for item_id in page}


async def _compare(source: Movable, target: Movable, item_ids: Sequence[str]) -> int:
    sample = item_ids[:: max(1, len(item_ids) // SAMPLE)]
    for run in runs(sample, COMPARED_AT_ONCE):
        theirs, ours = await _by_id(source, run), await _by_id(target, run)
        differing = [item_id for item_id in run if not _same(theirs.get(item_id), ours.get(item_id))]
        if differing:
            raise DependencyError(f"{len(differing)} of {len(run)} copies differ, such as {differing[:3]}: move again")
    return len(sample)


async def _by_id(index: Movable, item_ids: Sequence[str]) -> dict[str, Point]:
    return {point.item_id: point for point in await index.points(item_ids)}


def _same(one: Point | None, other: Point | None) -> bool:
    if one is None or other is None:
        return one is other
    return (
        one.payload == other.payload
        and one.vectors.keys() == other.vectors.keys()
        and all(_alike(vector, other.vectors[name]) for name, vector in one.vectors.items())
    )


def _alike(one: Vector, other: Vector) -> bool:
    """Equal but for the rounding of a length of one."""
    if isinstance(one, SparseVector) and isinstance(other, SparseVector):
        return np.array_equal(one.indices, other.indices) and np.allclose(one.values, other.values, rtol=1e-6)
    if isinstance(one, SparseVector) or isinstance(other, SparseVector):
        return False
    return one.shape == other.shape and np.allclose(one, other, atol=1e-6)
