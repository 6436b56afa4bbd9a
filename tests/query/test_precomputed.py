"""When a list that was computed before may answer, and that it says so where it may not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.query.builders import NOW_MS, World, delete, describe, empty_world
from workers.recommend.lists import Lists
from workers.recommend.precomputed import PrecomputedPipeline, ReadyLists
from workers.recommend.question import Question
from workers.records.reply import Reply
from workers.records.request import Request

ITEMS = [f"i{n}" for n in range(6)]
LINES: list[Any] = [
    {"item_id": one, "version": 7, "similar": [{"item_id": o, "score": 0.5} for o in ITEMS if o != one]}
    for one in ITEMS
]


@asynccontextmanager
async def shop(**fields: Any) -> AsyncIterator[World]:
    """Items in the catalog; `fields` of the first neighbour."""
    world = await empty_world()
    first = {"i1": fields}
    await describe(world, *({"item_id": one, "title": f"T {one}", **first.get(one, {})} for one in ITEMS))
    yield world


async def asked(world: World, lists: Lists | None, active: int | None = 7, **body: Any) -> Reply:
    ready = ReadyLists(None)
    ready.lists = lists
    pipeline = PrecomputedPipeline(world.pipeline, ready, world.items, lambda: active, world.rules.of, world.metrics)
    fields = {"kind": "similar_items", "item_ids": ["i0"], "limit": 3, "precomputed": True, **body}
    request = Request(**fields).model_copy(update={"record_time_ms": NOW_MS})
    return await pipeline.answer(Question(request, "r"))


async def test_a_list_of_the_version_that_answers_is_the_answer() -> None:
    async with shop() as deps:
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
    async with shop() as deps:
        reply = await asked(deps, None if lists is None else Lists.of(lists), active, **body)
        assert reply.degraded == ("precomputed",) and reply.items


async def test_what_is_gone_unavailable_or_excluded_leaves_the_list() -> None:
    async with shop(available=False) as deps:
        delete(deps, "i2")
        reply = await asked(deps, Lists.of(LINES), exclude={"i3"}, limit=2)
        assert ([item.item_id for item in reply.items], reply.degraded) == (["i4", "i5"], ())
