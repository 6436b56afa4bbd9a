"""`tastestream index move`: what it copies, refuses, removes and says."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from infra.qdrant_stub import QdrantStub
from tests.index.contract import listed
from workers.errors import ConfigurationError, DependencyError
from workers.index.edge import EdgeIndex
from workers.index.moving import Moved, move_index
from workers.index.on_server import drop_collection
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.index.types import Point
from workers.items.points import ItemPoints
from workers.items.rows import ItemRow
from workers.settings import load_settings

POINTS = ItemPoints(16)
SCHEMA = POINTS.schema
SETTINGS = load_settings(vector_dim=16)


async def edge_with(folder: Path, *item_ids: str) -> str:
    """A folder with these items; its name for the command."""
    index = EdgeIndex(folder)
    await index.ensure(SCHEMA)
    for item_id in item_ids:
        row = ItemRow()
        row.describe(orjson.dumps({"item_id": item_id, "title": f"The {item_id}"}), offset=7)
        await index.upsert([POINTS.point(item_id, row, POINTS.embed(row.entry()))])
    await index.close()
    return f"edge:{folder}"


async def ids_on(stub: QdrantStub, collection: str = "films") -> set[str]:
    index = QdrantServerIndex(ServerOptions(stub.url, collection, read_timeout_s=10.0))
    await index.ensure(SCHEMA)
    try:
        return set(await listed(index))
    finally:
        await index.close()


async def test_all_items_are_copied_counted_and_compared_there_and_back(stub: QdrantStub, tmp_path: Path) -> None:
    source = await edge_with(tmp_path / "there", "a", "b", "c")
    server = f"server:{stub.url}/films"
    assert await move_index(source, server, SCHEMA, SETTINGS, overwrite=False) == Moved(3, 0, 3)
    assert await ids_on(stub) == {"a", "b", "c"}
    reported: list[int] = []
    back = f"edge:{tmp_path / 'back'}"
    assert await move_index(server, back, SCHEMA, SETTINGS, overwrite=False, begin=reported.append) == Moved(3, 0, 3)
    assert reported == [3]


async def test_a_target_that_holds_items_is_refused_unless_it_may_be_overwritten(
    stub: QdrantStub, tmp_path: Path
) -> None:
    old, new = await edge_with(tmp_path / "old", "a", "old"), await edge_with(tmp_path / "new", "a", "new")
    server = f"server:{stub.url}/films"
    await move_index(old, server, SCHEMA, SETTINGS, overwrite=False)
    with pytest.raises(ConfigurationError, match=r"holds 2 items already.*--overwrite"):
        await move_index(new, server, SCHEMA, SETTINGS, overwrite=False)
    assert await ids_on(stub) == {"a", "old"}
    assert await move_index(new, server, SCHEMA, SETTINGS, overwrite=True) == Moved(2, 1, 2)
    assert await ids_on(stub) == {"a", "new"}


@pytest.mark.parametrize("name", ["", "edge:", "films", "server:films", "server:http://h:1/", "qdrant:http://h:1/c"])
async def test_what_names_no_index_is_said_to(name: str) -> None:
    with pytest.raises(ConfigurationError, match="edge:FOLDER or server:"):
        await move_index(name, "edge:somewhere", SCHEMA, SETTINGS, overwrite=False)


async def test_a_source_that_does_not_exist_is_refused_and_not_created(stub: QdrantStub, tmp_path: Path) -> None:
    for source in (f"edge:{tmp_path / 'none'}", f"server:{stub.url}/none"):
        with pytest.raises(ConfigurationError, match="no index to move from"):
            await move_index(source, f"edge:{tmp_path / 'target'}", SCHEMA, SETTINGS, overwrite=False)
    assert not (tmp_path / "none").exists() and not (tmp_path / "target").exists()
    assert not stub.local.collection_exists("none")


async def test_a_copy_that_differs_is_an_error(
    stub: QdrantStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await edge_with(tmp_path / "source", "a", "b")
    upsert = QdrantServerIndex.upsert

    async def with_a_mistake(self: QdrantServerIndex, points: list[Point]) -> None:
        await upsert(self, [replace(p, payload={"price": 1.0}) if p.item_id == "b" else p for p in points])

    monkeypatch.setattr(QdrantServerIndex, "upsert", with_a_mistake)
    with pytest.raises(DependencyError, match=r"1 of 2 copies differ, such as \['b'\]"):
        await move_index(source, f"server:{stub.url}/films", SCHEMA, SETTINGS, overwrite=False)


async def command(*arguments: str) -> tuple[int, str]:
    """Exit code and what the command says on standard error."""
    process = await asyncio.create_subprocess_exec(
        *("env", "TASTESTREAM_VECTOR_DIM=16", sys.executable, "-m", "workers.cli", "index", "move", *arguments),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_command_ends_with_the_counts_or_with_one_clear_message(stub: QdrantStub, tmp_path: Path) -> None:
    source, server = await edge_with(tmp_path / "source", "a", "b"), f"server:{stub.url}/films"
    code, said = await command("--from", source, "--to", server)
    assert code == 0, said
    assert "2 items copied, 0 others removed, 2 compared" in said
    code, said = await command("--from", source, "--to", server)
    assert code == 78
    assert "--overwrite" in said and "Traceback" not in said
    code, said = await command("--from", source, "--to", "server:http://127.0.0.1:1/films")
    assert code == 1
    assert "127.0.0.1:1" in said and "Traceback" not in said


async def test_the_collection_of_the_settings_is_dropped_and_one_that_is_not_there_is_said_to(stub: QdrantStub) -> None:
    settings = load_settings(qdrant_url=stub.url, qdrant_collection="films")
    await ids_on(stub)
    assert await drop_collection(settings)
    assert not stub.local.collection_exists("films")
    assert not await drop_collection(settings)
