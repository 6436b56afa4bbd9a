"""The embedded index keeps the contract, and what it acknowledged, on disk."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import qdrant_edge as edge

from models.primitives.sparse import SparseVector
from tests.index.builders import SCHEMA, dense, followed, near, numbered, point
from tests.index.contract import IndexContract, ids, listed
from workers.errors import BadRecordError, ConfigurationError, DependencyError
from workers.index.edge import EdgeIndex
from workers.index.edge_format import edge_config
from workers.index.edge_shard import translated
from workers.index.types import Query, Schema


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[EdgeIndex]:
    index = await opened(tmp_path / "index")
    yield index
    await index.close()


class TestEdgeIndex(IndexContract):
    pass


async def opened(folder: Path, schema: Schema = SCHEMA) -> EdgeIndex:
    index = EdgeIndex(folder)
    await index.ensure(schema)
    return index


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_reopened_index_holds_the_same_points(tmp_path: Path) -> None:
    first = await opened(tmp_path / "index")
    await first.upsert(numbered(100))
    before = await first.search([near(), followed()])
    await first.close()
    await first.close()
    second = await opened(tmp_path / "index")
    assert await second.search([near(), followed()]) == before
    await second.close()


async def test_index_that_flushes_on_the_way_loses_nothing(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path / "index", flush_after_writes=10)
    await index.ensure(SCHEMA)
    await index.upsert(numbered(200))
    assert len((await index.search([followed(1000)]))[0]) == 200
    await index.close()


def last_acknowledged_before_kill_9(folder: Path) -> int:
    command = [sys.executable, "-m", "tests.index.endless_writer", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(100)]
        writer.kill()
        lines += writer.stdout.read().splitlines(keepends=True)
    return max(int(line) for line in lines if line.endswith(b"\n"))


async def test_acknowledged_points_survive_kill_9(tmp_path: Path) -> None:
    last = last_acknowledged_before_kill_9(tmp_path / "index")
    index = await opened(tmp_path / "index")
    expected = [f"k{n}" for n in range(last + 1)]
    assert set(await index.payloads(expected, ())) == set(expected)
    [[hit]] = await index.search([Query("transitions", SparseVector.of({last + 1: 1.0}), 1)])
    assert (hit.item_id, hit.score) == (f"k{last}", 2.0)
    await index.close()


async def test_folder_that_is_open_elsewhere_is_named_with_advice(tmp_path: Path, index: EdgeIndex) -> None:
    with pytest.raises(ConfigurationError, match=f"{tmp_path / 'index'}.*another process"):
        await opened(tmp_path / "index")


async def test_folder_that_can_not_be_made_is_named_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"\(Not a directory\): set TASTESTREAM_DATA_PATH"):
        await opened(tmp_path / "file" / "index")


async def test_damaged_folder_is_named_with_advice(tmp_path: Path) -> None:
    index = await opened(tmp_path / "index")
    await index.upsert(numbered(5))
    await index.close()
    for state in (tmp_path / "index").glob("segments/*/segment.json"):
        state.write_text("garbage")
    with pytest.raises(ConfigurationError, match=f"{tmp_path / 'index'}.*delete the folder"):
        await opened(tmp_path / "index")


async def test_damaged_marker_is_named_with_advice(tmp_path: Path) -> None:
    index = await opened(tmp_path / "index")
    await index.close()
    (tmp_path / "index" / "tastestream-index.json").write_text("{")
    with pytest.raises(ConfigurationError, match="delete the folder"):
        await opened(tmp_path / "index")


async def test_schema_change_is_refused_with_both_schemas(tmp_path: Path) -> None:
    index = await opened(tmp_path / "index")
    await index.close()
    with pytest.raises(ConfigurationError, match=r"transitions.*other.*delete the folder"):
        await opened(tmp_path / "index", Schema(sparse=("other",)))


async def test_index_of_another_schema_is_emptied_for_who_fills_it_again(tmp_path: Path) -> None:
    old = await opened(tmp_path / "index", Schema(sparse=("other",)))
    await old.close()
    new = EdgeIndex(tmp_path / "index", renew=True)
    await new.ensure(SCHEMA)
    assert await listed(new) == []
    await new.upsert(numbered(3))
    await new.close()
    again = EdgeIndex(tmp_path / "index", renew=True)
    await again.ensure(SCHEMA)
    assert len(await listed(again)) == 3
    await again.close()
    assert (tmp_path / "index.partial").exists() is False


async def test_index_of_another_schema_that_another_process_has_open_is_left_alone(
    tmp_path: Path, index: EdgeIndex
) -> None:
    await index.upsert(numbered(3))
    other = EdgeIndex(tmp_path / "index", renew=True)
    with pytest.raises(ConfigurationError, match="another process"):
        await other.ensure(Schema(sparse=("other",)))
    assert len(await listed(index)) == 3


async def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="choose another folder"):
        await opened(tmp_path)
    assert names_in(tmp_path) == ["thesis.txt"]


async def test_build_that_was_cut_short_is_started_again(tmp_path: Path) -> None:
    partial = tmp_path / "index.partial"
    partial.mkdir()
    edge.EdgeShard.create(str(partial), edge_config(SCHEMA)).close()
    index = await opened(tmp_path / "index")
    await index.upsert(numbered(3))
    assert not partial.exists()
    await index.close()


async def test_sparse_vector_that_would_close_the_shard_for_ever_is_refused_and_it_opens_again(
    tmp_path: Path,
) -> None:
    poison = SparseVector(np.array([1, 2], dtype=np.uint32), np.array([1.0], dtype=np.float32))
    index = await opened(tmp_path / "index")
    await index.upsert(numbered(3))
    with pytest.raises(BadRecordError):
        await index.upsert([point("poison", transitions=poison)])
    await index.close()
    again = await opened(tmp_path / "index")
    assert ids((await again.search([followed()]))[0]) == ["i00002", "i00001", "i00000"]
    await again.close()


async def test_payload_that_edge_could_not_read_back_is_refused_and_the_index_opens_again(
    tmp_path: Path,
) -> None:
    nested: dict[str, object] = {"leaf": 1}
    for _ in range(130):
        nested = {"in": nested}
    index = await opened(tmp_path / "index")
    with pytest.raises(BadRecordError):
        await index.upsert([point("poison", nested)])
    await index.close()
    again = await opened(tmp_path / "index")
    assert await again.payloads(["poison"], ()) == {}
    await again.close()


async def test_deepest_payload_that_is_accepted_can_be_read_back(tmp_path: Path) -> None:
    nested: dict[str, object] = {"leaf": 1}
    for _ in range(15):
        nested = {"in": nested}
    index = await opened(tmp_path / "index")
    await index.upsert([point("deep", nested)])
    await index.close()
    again = await opened(tmp_path / "index")
    assert await again.payloads(["deep"], ("in", "item_id")) == {"deep": {**nested, "item_id": "deep"}}
    await again.close()


async def test_names_are_read_from_the_points_after_a_restart(tmp_path: Path) -> None:
    first = await opened(tmp_path / "index")
    await first.upsert([point("only-on-disk", text=dense(1, 0, 0, 0))])
    await first.close()
    second = await opened(tmp_path / "index")
    assert ids((await second.search([near()]))[0]) == ["only-on-disk"]
    assert ids((await second.search([near()]))[0]) == ["only-on-disk"]
    await second.close()


async def test_other_work_gets_its_turn_while_a_batch_is_written(index: EdgeIndex) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    await index.upsert(numbered(704))
    counting.cancel()
    assert turns >= 10


async def test_failure_inside_edge_names_the_action_and_the_folder(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match=f"{tmp_path}.*search failed"), translated("search", tmp_path):
        raise Exception("disk is gone")


async def test_panic_inside_edge_is_a_failure_and_a_stop_by_the_user_is_not(tmp_path: Path) -> None:
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(DependencyError), translated("search", tmp_path):
        raise panic("index out of bounds")
    with pytest.raises(KeyboardInterrupt), translated("search", tmp_path):
        raise KeyboardInterrupt


async def test_index_that_is_closed_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ensure"):
        await EdgeIndex(tmp_path / "index").search([near()])
