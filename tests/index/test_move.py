"""An index that was moved to a server and back holds the same items, vectors and payload."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from infra.qdrant_stub import QdrantStub
from models.primitives.sparse import SparseVector
from tests.index.builders import SCHEMA, dense, near, numbered, point
from tests.index.contract import listed
from workers.errors import ConfigurationError
from workers.index.edge import EdgeIndex
from workers.index.memory import MemoryIndex
from workers.index.move import Movable, move
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.index.types import Point, Schema

ODD = point("Über 😀", {"title": "ü", "none": None, "deep": {"a": [1, 2.5, True]}, "available": False})
FULL = point(
    "full",
    {"category": "film", "price": 2.0, "count": 3},
    text=dense(3, 4, 0, 0),
    given=dense(1, 2, 3),
    transitions=SparseVector.of({1: 0.5, 4_294_967_295: 2.0}),
    popularity=SparseVector.of({7: 1.25}),
)


@pytest.fixture
async def server(stub: QdrantStub) -> AsyncIterator[QdrantServerIndex]:
    index = QdrantServerIndex(ServerOptions(stub.url, read_timeout_s=10.0))
    yield index
    await index.close()


async def edge(folder: Path) -> EdgeIndex:
    index = EdgeIndex(folder)
    await index.ensure(SCHEMA)
    return index


async def contents(index: Movable) -> dict[str, Point]:
    return {point.item_id: point for point in await index.points(await listed(index))}


def assert_same(found: dict[str, Point], expected: dict[str, Point]) -> None:
    assert set(found) == set(expected)
    for item_id, record in expected.items():
        assert found[item_id].payload == record.payload
        theirs, ours = found[item_id].vectors, record.vectors
        assert set(theirs) == set(ours)
        for name, vector in ours.items():
            other = theirs[name]
            if isinstance(vector, SparseVector):
                assert isinstance(other, SparseVector)
                assert (other.indices.tolist(), other.values.tolist()) == (
                    vector.indices.tolist(),
                    vector.values.tolist(),
                )
            else:
                assert np.allclose(other, vector, atol=1e-6)  # type: ignore[arg-type]


async def test_index_moved_to_a_server_and_back_is_the_same(tmp_path: Path, server: QdrantServerIndex) -> None:
    first, second = await edge(tmp_path / "first"), await edge(tmp_path / "second")
    await first.upsert([*numbered(600), ODD, FULL])
    before = await contents(first)
    assert len(before) == 602
    assert await move(first, server, SCHEMA) == 602
    assert_same(await contents(server), before)
    assert await move(server, second, SCHEMA) == 602
    assert_same(await contents(second), before)
    await first.close()
    await second.close()


async def test_progress_counts_up_to_all_items(server: QdrantServerIndex) -> None:
    await server.ensure(SCHEMA)
    await server.upsert(numbered(600))
    reported: list[int] = []
    await move(server, MemoryIndex(), SCHEMA, reported.append)
    assert reported == [256, 512, 600]


async def test_empty_index_moves_to_an_empty_one(server: QdrantServerIndex) -> None:
    await server.ensure(SCHEMA)
    target = MemoryIndex()
    assert await move(server, target, SCHEMA) == 0
    assert await target.search([near()]) == [[]]


async def test_repeated_move_changes_nothing_and_keeps_items_that_only_the_target_has(
    tmp_path: Path, server: QdrantServerIndex
) -> None:
    source = await edge(tmp_path / "source")
    await source.upsert([FULL])
    await server.ensure(SCHEMA)
    await server.upsert([ODD])
    await move(source, server, SCHEMA)
    once = await contents(server)
    await move(source, server, SCHEMA)
    assert_same(await contents(server), once)
    assert set(once) == {"full", ODD.item_id}
    await source.close()


async def test_target_of_another_schema_is_refused_before_anything_is_copied(server: QdrantServerIndex) -> None:
    other = Schema(sparse=("other",))
    await server.ensure(SCHEMA)
    await server.upsert([FULL])
    target = MemoryIndex()
    await target.ensure(other)
    with pytest.raises(ConfigurationError):
        await move(server, target, SCHEMA)
    assert await target.payloads(["full"], ()) == {}
