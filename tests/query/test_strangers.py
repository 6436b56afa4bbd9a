"""Answers to a user without a past: what is popular, first where the profile says to like it."""

from typing import Any

from tests.query.builders import CLUSTER, NOW_MS, World, answer, describe, fold, partition_for, touch, two_clusters


def give_profile(deps: World, user: str, *preferred: str) -> None:
    row = deps.users.partitions[partition_for(user)].change(user)
    row.profile.learn((NOW_MS, 0, 0), {}, preferred)


def ids(reply: Any) -> list[str]:
    return [item.item_id for item in reply.items]


async def test_preferred_categories_come_first_the_most_popular_of_them_first() -> None:
    async with two_clusters() as deps:
        await touch(deps, [(f"fan-{n}", "red-0") for n in range(50)] + [(f"fan-{n}", "blue-5") for n in range(9)])
        await fold(deps)
        assert ids(await answer(deps, user_id="stranger", limit=2)) == ["red-0", "blue-5"]
        give_profile(deps, "newcomer", "blue")
        found = (await answer(deps, user_id="newcomer", limit=2 * CLUSTER, explain=True)).items
        assert found[0].item_id == "blue-5" and found[CLUSTER].item_id == "red-0"
        assert all(item.item_id.startswith("blue") for item in found[:CLUSTER])
        assert found[0].reasons[0].kind == "popular_in_category"
        assert "popular_in_category" not in {reason.kind for reason in found[CLUSTER].reasons}


async def test_a_preferred_category_without_fans_still_comes_first() -> None:
    async with two_clusters() as deps:
        await describe(deps, *({"item_id": f"tea-{n}", "title": "tea", "category": "tea"} for n in range(3)))
        give_profile(deps, "newcomer", "tea", "coffee")
        assert set(ids(await answer(deps, user_id="newcomer", limit=5))[:3]) == {"tea-0", "tea-1", "tea-2"}


async def test_a_past_says_more_than_a_profile() -> None:
    async with two_clusters() as deps:
        give_profile(deps, "u", "blue")
        assert ids(await answer(deps, limit=1))[0].startswith("red")


async def test_preferred_as_a_filter_leaves_out_all_other_categories() -> None:
    async with two_clusters() as deps:
        give_profile(deps, "u", "blue")
        for body in ({}, {"kind": "trending"}, {"kind": "similar_items", "item_ids": ["red-1"]}):
            found = ids(await answer(deps, limit=100, filters={"preferred": True}, **body))
            assert set(found) == {f"blue-{n}" for n in range(CLUSTER)}
