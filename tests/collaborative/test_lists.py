"""Lists that were computed before: files that come back as they went, and when a list may answer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.agents.dependencies import NOW_MS, chunk_of_records, done, json_record, running_deps
from tests.collaborative.builders import slot_record, vector
from workers.admin.vectors.precompute import similar_lists
from workers.agents import catalog, vectors
from workers.control.versions import Pointer, Version, Versions
from workers.errors import ConfigurationError
from workers.recommend.lists import Lists, read_lists, write_lists
from workers.recommend.precomputed import ReadyLists
from workers.recommend.question import Question
from workers.records.reply import Reply
from workers.records.request import Request
from workers.runtime.build_dependencies import with_lists
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


async def stocked(deps: Dependencies, **fields: Any) -> None:
    """Items in the catalog; `fields` of the first neighbour."""
    for offset, item_id in enumerate(ITEMS):
        own = fields if item_id == "i1" else {}
        body = {"item_id": item_id, "title": f"T {item_id}", **own}
        chunk = chunk_of_records(json_record("item-catalog", offset, item_id, body))
        await catalog.handle(chunk, deps)
        await done(chunk)


async def asked(deps: Dependencies, lists: Lists | None, active: int | None = 7, **body: Any) -> Reply:
    ready = ReadyLists(None)
    ready.lists, deps.active_vectors.version = lists, active
    request = Request(**{"kind": "similar_items", "item_ids": ["i0"], "limit": 3, "precomputed": True, **body})
    question = Question(request.model_copy(update={"record_time_ms": NOW_MS}), "r")
    return await with_lists(deps, ready).pipeline.answer(question)


async def test_a_list_of_the_version_that_answers_is_the_answer() -> None:
    async with running_deps() as (deps, _):
        await stocked(deps)
        reply = await asked(deps, Lists.of(LINES), explain=True)
        assert [item.item_id for item in reply.items] == ["i1", "i2", "i3"] and reply.degraded == ()
        assert [item.rank for item in reply.items] == [1, 2, 3] and reply.items[0].title == "T i1"
        assert reply.items[0].reasons[0].item_id == "i0"
        assert (await asked(deps, Lists.of(LINES), precomputed=False)).took_ms.keys() != reply.took_ms.keys()


@pytest.mark.parametrize(
    ("lists", "active", "body"),
    [
        (None, 7, {}),
        (LINES, 8, {}),
        (LINES, None, {}),
        (LINES[1:], 7, {}),
        (LINES, 7, {"limit": 6}),
        (LINES, 7, {"item_ids": ["i0", "i1"]}),
        (LINES, 7, {"filters": {"available": False}}),
    ],
    ids=["no file", "stale", "vectors off", "item without a list", "too short", "two items", "filters"],
)
async def test_where_no_good_list_is_there_the_answer_is_computed_and_says_so(
    lists: list[Any] | None, active: int | None, body: dict[str, Any]
) -> None:
    async with running_deps() as (deps, _):
        await stocked(deps)
        reply = await asked(deps, None if lists is None else Lists.of(lists), active, **body)
        assert reply.degraded == ("precomputed",) and reply.items


async def test_what_is_gone_unavailable_or_excluded_leaves_the_list() -> None:
    async with running_deps() as (deps, _):
        await stocked(deps, available=False)
        gone = chunk_of_records(json_record("item-catalog", 20, "i2", None))
        await catalog.handle(gone, deps)
        await done(gone)
        reply = await asked(deps, Lists.of(LINES), exclude={"i3"}, limit=2)
        assert ([item.item_id for item in reply.items], reply.degraded) == (["i4", "i5"], ())


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
