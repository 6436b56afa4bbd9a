"""Rules in force: what they block, boost, cap, pin and explore, in answers of a real pipeline."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio

from models.ranking.explain import BOOSTED
from tests.query.builders import CLUSTER, NOW_MS, World, answer, describe, fold, question, request, touch, two_clusters
from tests.query.test_controls import decoded

DAY_MS = 86_400_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> AsyncIterator[World]:
    """Two clusters; blue items are on sale, blue-6 and blue-7 were published yesterday, and five items are unknown."""
    async with two_clusters() as made:
        for number in range(CLUSTER):
            item = {"item_id": f"blue-{number}", "title": f"blue-{number}", "category": "blue", "price": 8 + number}
            recent = {"published_at": NOW_MS - DAY_MS} if number > 5 else {}
            await describe(made, {**item, **recent, "attributes": {"sale": True, "stock": number}, "tags": ["cold"]})
        for number in range(5):
            await describe(made, {"item_id": f"new-{number}", "title": f"new-{number}", "category": "new"})
        yield made


@contextmanager
def ruled(deps: World, **rules: Any) -> Iterator[None]:
    deps.rules.put("default", decoded("default", **rules))
    try:
        yield
    finally:
        deps.rules.put("default", None)


async def shown(deps: World, **body: Any) -> list[str]:
    return [item.item_id for item in (await answer(deps, **body)).items]


def of(colour: str, item_ids: list[str]) -> list[str]:
    return [item_id for item_id in item_ids if item_id.startswith(colour)]


async def test_blocked_items_are_in_no_answer(deps: World) -> None:
    sale = {"attributes": {"sale": True}, "price": {"min": 12}}
    with ruled(deps, blocks=[{"item_ids": ["red-2"]}, {"where": sale}]):
        found = await shown(deps, limit=100)
    assert "red-2" not in found and "red-3" in found
    assert sorted(of("blue", found)) == ["blue-0", "blue-1", "blue-2", "blue-3"]


async def test_filters_of_rules_hold_beside_those_of_the_request(deps: World) -> None:
    with ruled(deps, filters={"category_not": "red"}):
        assert not of("red", await shown(deps, limit=100))
        assert await shown(deps, limit=100, filters={"category": "red"}) == []
        assert sorted(await shown(deps, filters={"published_within_days": 2})) == ["blue-6", "blue-7"]


async def test_another_scenario_has_its_own_rules(deps: World) -> None:
    deps.rules.put("sale", decoded("sale", filters={"attributes": {"sale": True}}))
    try:
        found = await shown(deps, limit=100, scenario="sale")
        assert len(found) == len(of("blue", found)) == CLUSTER
        assert of("red", await shown(deps, limit=100, scenario="other"))
    finally:
        deps.rules.put("sale", None)


async def test_a_boost_lifts_what_meets_it_by_exactly_what_its_reason_says(deps: World) -> None:
    plain = {item.item_id: item for item in (await answer(deps, limit=100, explain=True)).items}
    boosts = [
        {"name": "sale", "where": {"attributes": {"sale": True}}, "add": 20},
        {"name": "fresh", "where": {"published_within_days": 7, "tags": "cold"}, "add": -0.5},
    ]
    with ruled(deps, boosts=boosts):
        items = (await answer(deps, limit=100, explain=True)).items
    assert items[0].item_id.startswith("blue")
    for item in items:
        added = {reason.rule: reason.contribution for reason in item.reasons if reason.kind == BOOSTED}
        fresh = {"fresh"} if item.item_id in ("blue-6", "blue-7") else set()
        assert set(added) == ({"sale", *fresh} if item.item_id.startswith("blue") else set())
        assert item.score == pytest.approx(plain[item.item_id].score + sum(added.values()), abs=1e-9)
        assert item.score == pytest.approx(sum(reason.contribution for reason in item.reasons), abs=1e-9)


@pytest.mark.parametrize("diversity", [0.0, 0.5])
async def test_no_page_holds_more_of_a_category_than_its_cap(deps: World, diversity: float) -> None:
    with ruled(deps, caps={"red": 1, "*": 3}, diversity=diversity):
        found = await shown(deps, limit=7)
        counts = Counter(name.split("-")[0] for name in found)
    assert counts == {"red": 1, "blue": 3, "new": 3}


async def test_a_list_that_a_cap_empties_is_filled_from_elsewhere_however_long_the_full_category_is(
    deps: World,
) -> None:
    async with two_clusters() as shop:
        for number in range(70):
            await describe(shop, {"item_id": f"red-x{number}", "category": "red"})
        await touch(shop, [(f"fan{user}", f"red-x{number}") for user in range(3) for number in range(70)])
        await fold(shop)
        with ruled(shop, caps={"red": 2}):
            found = await shown(shop, limit=6)
    assert (len(found), len(of("red", found))) == (6, 2)


async def test_pinned_items_stand_at_their_rank_even_if_the_user_had_them(deps: World) -> None:
    pins = [
        {"rank": 1, "item_ids": ["gone", "red-0"]},
        {"rank": 3, "where": {"category": "blue", "price": {"min": 15}}},
    ]
    with ruled(deps, pins=pins):
        items = (await answer(deps, limit=5)).items
        assert [items[0].item_id, items[2].item_id] == ["red-0", "blue-7"]
        assert [item.shown_as for item in items] == ["pinned", "ranked", "pinned", "ranked", "ranked"]
        assert "red-0" not in await shown(deps, limit=5, exclude=["red-0"])
        assert "red-0" not in await shown(deps, limit=5, filters={"category": "blue"})


async def test_a_pin_belongs_to_its_rank_over_all_pages(deps: World) -> None:
    with ruled(deps, pins=[{"rank": 5, "item_ids": ["blue-3"]}]):
        first = await answer(deps, limit=3)
        second = await answer(deps, limit=3, next=first.next)
    assert [(item.rank, item.item_id) for item in second.items][1] == (5, "blue-3")
    assert "blue-3" not in [item.item_id for item in first.items]


async def test_pinned_items_are_never_blocked_or_unavailable_ones(deps: World) -> None:
    with ruled(deps, pins=[{"rank": 1, "item_ids": "red-3"}], blocks=[{"where": {"category": "red"}}]):
        assert not of("red", await shown(deps, limit=100))


async def test_exploring_shows_new_items_as_often_as_their_propensity_says(deps: World) -> None:
    asks, limit = 400, 4
    counts: Counter[str] = Counter()
    said: dict[str, float] = {}
    explored = 0
    with ruled(deps, explore=0.25):
        for number in range(asks):
            reply = await _ask_as(deps, f"r{number}", limit)
            counts.update(item.item_id for item in reply.items)
            said |= {item.item_id: item.propensity for item in reply.items}
            explored += sum(item.shown_as == "explored" for item in reply.items)
    assert explored / (asks * limit) == pytest.approx(0.25, abs=0.05)
    assert {f"new-{number}" for number in range(5)} <= counts.keys()
    for item_id, chance in said.items():
        assert counts[item_id] / asks == pytest.approx(chance, abs=4.5 * (chance * (1 - chance) / asks) ** 0.5 + 1e-9)


async def _ask_as(deps: World, recommendation_id: str, limit: int) -> Any:
    return await deps.pipeline.answer(question(deps, request(limit=limit), recommendation_id))


async def test_the_same_answer_asked_again_explores_alike(deps: World) -> None:
    with ruled(deps, explore=0.5):
        assert (await _ask_as(deps, "same", 6)).items == (await _ask_as(deps, "same", 6)).items


async def test_a_search_explores_nothing(deps: World) -> None:
    with ruled(deps, explore=1.0):
        items = (await answer(deps, kind="search", text="red-3", limit=3)).items
    assert {item.shown_as for item in items} == {"ranked"}


async def test_rules_that_ask_a_profile_that_says_nothing_are_not_met(deps: World) -> None:
    where = {"attributes": {"stock": {"profile": "favourite"}}}
    with ruled(deps, boosts=[{"name": "own", "where": where, "factor": 9}], pins=[{"rank": 1, "where": where}]):
        items = (await answer(deps, limit=5, explain=True)).items
    assert not [reason for item in items for reason in item.reasons if reason.kind == BOOSTED]
    assert {item.shown_as for item in items} == {"ranked"}
