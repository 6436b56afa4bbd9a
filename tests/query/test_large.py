"""Very many items: a list is full whenever enough items match."""

from typing import Any

import pytest
import pytest_asyncio

from tests.query.builders import World, describe, empty_world, fold, question, request, touch
from workers.index.types import Query
from workers.records.reply import Reply

RARE = 100
DIM = 8
SLICE = 1_000
POPULAR = 400


class Large:
    """A hundred of `count` items are of the category rare, and none of them is popular."""

    def __init__(self, world: World, count: int) -> None:
        self.world, self.count = world, count
        self.rare_every = count // RARE

    def is_rare(self, n: int) -> bool:
        return n % self.rare_every == 0

    def rare_but(self, *left_out: int) -> set[str]:
        return {name(n) for n in range(0, self.count, self.rare_every)} - {name(n) for n in left_out}

    async def answer(self, **body: Any) -> Reply:
        return await self.world.pipeline.answer(question(self.world, request(**{"user_id": "nobody", **body})))

    async def ids(self, **body: Any) -> list[str]:
        return [item.item_id for item in (await self.answer(**body)).items]


@pytest_asyncio.fixture(
    scope="module", loop_scope="session", params=[20_000, pytest.param(100_000, marks=pytest.mark.long)]
)
async def large(request: pytest.FixtureRequest) -> Large:
    made = Large(await empty_world(DIM), request.param)
    for start in range(0, made.count, SLICE):
        await describe(made.world, *(entry(n, made) for n in range(start, start + SLICE)))
    liked = [n for n in range(made.count) if not made.is_rare(n)][:POPULAR]
    await touch(made.world, [(f"fan-{n}", name(n)) for n in liked])
    rare = range(0, made.count, made.rare_every)
    await touch(made.world, [("critic", name(n)) for n in rare], "rating", value=2.0)
    await fold(made.world)
    return made


def name(n: int) -> str:
    return f"item-{n}"


def entry(n: int, large: Large) -> dict[str, Any]:
    category = "rare" if large.is_rare(n) else "plenty"
    return {"item_id": name(n), "title": f"{category} {n}", "category": category}


KINDS: list[dict[str, Any]] = [
    {},
    {"kind": "trending"},
    {"kind": "trending", "by": "day"},
    {"kind": "session", "user_id": None, "item_ids": ["item-1", "item-2"]},
    {"kind": "similar_items", "item_ids": ["item-1"]},
    {"kind": "bought_together", "item_ids": ["item-1"]},
    {"kind": "search", "text": "rare"},
]
FILTERS: list[dict[str, Any]] = [{"category": "rare"}, {"min_mean_rating": 1.5, "category_not": "plenty"}]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("body", KINDS, ids=str)
async def test_a_filter_that_few_items_meet_fills_a_list_of_a_hundred(
    large: Large, body: dict[str, Any], filters: dict[str, Any]
) -> None:
    found = await large.ids(limit=100, filters=filters, **body)
    assert len(found) == RARE and set(found) == large.rare_but()


async def test_an_index_that_cannot_know_a_filter_gets_the_ids_that_pass(
    large: Large, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Query] = []
    search = large.world.index.search

    async def noted(queries: Any) -> Any:
        asked.extend(queries)
        return await search(queries)

    monkeypatch.setattr(large.world.index, "search", noted)
    body = {"kind": "search", "text": "plenty 7 rare", "limit": 100, "filters": {"min_mean_rating": 1.5}}
    assert set(await large.ids(**body)) == large.rare_but()
    assert {len(condition.item_ids) for query in asked for condition in query.where} == {RARE}  # type: ignore[union-attr]


async def test_ten_thousand_excluded_items_beside_it_leave_just_those_out(large: Large) -> None:
    gone = list(range(0, large.count // 2, large.rare_every))
    excluded = [name(n) for n in gone] + [name(n) for n in range(1, large.count) if n % 7 == 0 and not large.is_rare(n)]
    found = await large.ids(limit=100, filters={"category": "rare"}, exclude=excluded[:10_000])
    assert set(found) == large.rare_but(*gone)


async def test_excluding_ten_thousand_items_and_all_popular_ones_leaves_a_full_list(large: Large) -> None:
    top = [name(n) for n in range(10_000)]
    found = await large.ids(limit=100, exclude=top)
    assert len(found) == 100 and not set(found) & set(top)


async def test_pages_go_on_until_all_that_match_were_shown(large: Large) -> None:
    shown: list[str] = []
    token = None
    while True:
        reply = await large.answer(kind="trending", limit=30, filters={"category": "rare"}, next=token)
        shown += [item.item_id for item in reply.items]
        token = reply.next
        if token is None:
            break
    assert len(shown) == RARE and set(shown) == large.rare_but()
