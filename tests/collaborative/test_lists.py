"""Lists that were computed before: files that come back as they went, made of the version that answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.agents.dependencies import chunk_of_records, done, json_record, running_deps
from tests.collaborative.builders import slot_record, vector
from workers.admin.vectors.precompute import similar_lists
from workers.agents import catalog, vectors
from workers.control.versions import Pointer, Version, Versions
from workers.errors import ConfigurationError
from workers.recommend.lists import Lists, read_lists, write_lists
from workers.recommend.precomputed import ReadyLists
from workers.runtime.dependencies import Dependencies

ITEMS = [f"i{n}" for n in range(6)]
LINES: list[Any] = [
    {"item_id": one, "version": 7, "similar": [{"item_id": o, "score": 0.5} for o in ITEMS if o != one]}
    for one in ITEMS
]


@pytest.mark.parametrize("name", ["lists.jsonl", "lists.parquet"])
@pytest.mark.parametrize("version", [7, None])
def test_a_file_says_what_was_written(tmp_path: Path, name: str, version: int | None) -> None:
    write_lists(tmp_path / name, [{**line, "version": version} for line in LINES])
    found = read_lists(tmp_path / name)
    assert (found.version, len(found)) == (version, len(ITEMS))
    assert found.similar("i0") == dict.fromkeys(ITEMS[1:], 0.5) and found.similar("nobody") is None
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{}", b'{"item_id":"a","version":1}', b"\xff"])
@pytest.mark.parametrize("name", ["lists.jsonl", "lists.parquet"])
def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match="tastestream precompute"):
        read_lists(tmp_path / name)


def test_mixed_versions_and_repeated_items_are_refused() -> None:
    with pytest.raises(ValueError, match="several"):
        Lists.of([LINES[0], {**LINES[1], "version": 8}])
    with pytest.raises(ValueError, match="twice"):
        Lists.of([LINES[0], LINES[0]])


async def stocked(deps: Dependencies) -> None:
    """Items in the catalog."""
    for offset, item_id in enumerate(ITEMS):
        body = {"item_id": item_id, "title": f"T {item_id}"}
        chunk = chunk_of_records(json_record("item-catalog", offset, item_id, body))
        await catalog.handle(chunk, deps)
        await done(chunk)


async def test_lists_are_made_of_the_version_that_answers() -> None:
    async with running_deps() as (deps, _):
        await stocked(deps)
        for position, item_id in enumerate(ITEMS):
            for number, slot in enumerate("ab"):
                halves = position % 2 if slot == "a" else position // 3
                record = slot_record(10 * position + number, item_id, slot, version=number + 1, value=vector(halves))
                chunk = chunk_of_records(record)
                await vectors.handle(chunk, deps)
                await done(chunk)
        made = Version(1, "a", "test", 6, ready=True)
        versions = Versions({"a": made, "b": replace(made, slot="b", version=2)}, Pointer(1))
        for active, neighbours in ((1, {"i2", "i4"}), (2, {"i1", "i2"})):
            versions.pointer = Pointer(active)
            [line] = [one for one in similar_lists(deps.items.entries, deps.points, versions) if one["item_id"] == "i0"]
            assert line["version"] == active and {near["item_id"] for near in line["similar"][:2]} == neighbours
        versions.pointer = Pointer()
        assert {one["version"] for one in similar_lists(deps.items.entries, deps.points, versions)} == {None}


async def test_a_file_that_is_replaced_is_read_again_and_a_bad_one_leaves_the_old_lists(tmp_path: Path) -> None:
    file = tmp_path / "lists.jsonl"
    ready = ReadyLists(file)
    await ready.poll()
    assert ready.lists is None
    write_lists(file, LINES)
    await ready.poll()
    first = ready.lists
    assert first is not None and first.version == 7
    await ready.poll()
    assert ready.lists is first
    file.write_text("torn")
    await ready.poll()
    assert ready.lists is first
