"""The 20 most similar items of every item of the catalog, out of the rows and the vectors that answer (no I/O)."""

from collections.abc import Callable, Iterator

import numpy as np

from models.factorization.collaborative import COLLABORATIVE_SHARE
from models.primitives.text import Rarity
from models.retrieval.neighbours import nearest
from workers.control.versions import Versions
from workers.errors import ConfigurationError
from workers.items.points import ItemPoints
from workers.items.rows import ItemRow
from workers.items.slots import Vector
from workers.recommend.lists import LENGTH, Line
from workers.stream.table import Table


def similar_lists(
    items: Table[ItemRow],
    points: ItemPoints,
    versions: Versions,
    share: float = COLLABORATIVE_SHARE,
    on_item: Callable[[], None] = lambda: None,
) -> list[Line]:
    """One line an item; raises `ConfigurationError` without a catalog. Without an active version content alone decides.

    Memory: both vectors of every item, 1.3 KB each at the default dimensions, and the lines.
    """
    slot = versions.active_slot()
    version = None if slot is None else versions.pointer.active
    rows = dict(_in_catalog(items))
    if not rows:
        raise ConfigurationError("no item is in the catalog yet: there is nothing to compute")
    item_ids = sorted(rows)
    content = np.stack([points.embed(rows[item_id].entry()) for item_id in item_ids])
    vectors = _learned([rows[item_id] for item_id in item_ids], slot, version)
    rarity = Rarity(content.shape[1])
    for vector in content:
        rarity.learn_one(vector)
    turned = np.stack([rarity.turn(vector) for vector in content])
    lines: list[Line] = []
    for found in nearest(vectors, content, turned, LENGTH, share):
        near = zip(found.positions.tolist(), found.scores.tolist(), strict=True)
        similar = [{"item_id": item_ids[position], "score": score} for position, score in near]
        lines.append({"item_id": item_ids[found.position], "version": version, "similar": similar})
        on_item()
    return lines


def _learned(rows: list[ItemRow], slot: str | None, version: int | None) -> Vector:
    """float32 (n, dim): zeros where the version has no vector, or none answers."""
    held = [row.slots.vectors().get(slot) if slot and row.slots.version(slot) == version else None for row in rows]
    dim = next((len(vector) for vector in held if vector is not None), 1)
    empty = np.zeros(dim, dtype=np.float32)
    return np.stack([empty if vector is None else vector for vector in held])


def _in_catalog(items: Table[ItemRow]) -> Iterator[tuple[str, ItemRow]]:
    for rows in items.partitions.values():
        for item_id in rows.keys():  # noqa: SIM118 - not a dict
            row = rows.peek(item_id)
            if row is not None and row.catalog is not None:
                yield item_id, row
