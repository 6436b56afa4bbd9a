"""Compares what an index shows with the rows that it is made of (opens the index of workers that have ended)."""

from collections.abc import Mapping

from load.faults.scene import Scene
from workers.index.edge import EdgeIndex
from workers.index.move import stored_ids
from workers.index.port import Index
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.items.points import REVISION, ItemPoints, revision_of
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
        shown = await index.payloads([item_id async for page in stored_ids(index) for item_id in page], (REVISION,))
    finally:
        await index.close()
    described = {item_id for item_id, row in rows.items() if row.catalog is not None}
    differ: int = sum(shown[item_id][REVISION] != revision_of(rows[item_id]) for item_id in described & shown.keys())
    return differ + len(described ^ shown.keys())


def _opened(scene: Scene, kind: str) -> Index:
    if kind == "server":
        return QdrantServerIndex(ServerOptions(scene.server.url, read_timeout_s=READ_TIMEOUT_S))
    return EdgeIndex(scene.index_folder)
