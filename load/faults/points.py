"""Compares what an index shows with the rows that it is made of (opens the index of workers that have ended)."""

from collections.abc import Mapping

from load.faults.scene import Scene
from models.primitives.sparse import SparseVector
from workers.index.edge import EdgeIndex
from workers.index.port import Index
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.index.types import Record
from workers.items.points import COUNT, REVISION, TRANSITIONS, ItemPoints
from workers.items.rows import ItemRow

READ_TIMEOUT_S = 10.0


async def points_wrong(scene: Scene, kind: str, rows: Mapping[str, ItemRow]) -> int:
    """Catalog items whose point is missing or differs from the row, and points of what the catalog does not have.

    An index in memory ends with its worker: 0.
    """
    if kind == "memory":
        return 0
    index = _opened(scene, kind)
    await index.ensure(ItemPoints(scene.settings.vector_dim).schema)
    try:
        shown = await index.get(rows, vectors=(TRANSITIONS,))
    finally:
        await index.close()
    described = {item_id for item_id, row in rows.items() if row.catalog is not None}
    differ = sum(not _same(shown[item_id], rows[item_id]) for item_id in described & shown.keys())
    return differ + len(described ^ shown.keys())


def _opened(scene: Scene, kind: str) -> Index:
    if kind == "server":
        return QdrantServerIndex(ServerOptions(scene.server.url, read_timeout_s=READ_TIMEOUT_S))
    return EdgeIndex(scene.index_folder)


def _same(point: Record, row: ItemRow) -> bool:
    payload, found = point.payload or {}, (point.vectors or {}).get(TRANSITIONS)
    expected = row.use.transition_row()
    if payload.get(COUNT) != row.use.count or payload.get(REVISION) != row.revision():
        return False
    if not isinstance(found, SparseVector):
        return not len(expected.indices)
    return _amounts(found) == _amounts(expected)


def _amounts(vector: SparseVector) -> dict[int, float]:
    return {
        index: round(value, 3) for index, value in zip(vector.indices.tolist(), vector.values.tolist(), strict=True)
    }
