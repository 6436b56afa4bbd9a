"""What each kind of request means, on two clusters whose right answers are known."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.query.builders import CLUSTER, NOW_MS, World, answer, describe, fold, touch, two_clusters


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> AsyncIterator[World]:
    async with two_clusters() as made:
        yield made


def ids(reply: Any) -> list[str]:
    return [item.item_id for item in reply.items]


def reasons(item: Any) -> dict[str, float]:
    return {reason.kind: reason.contribution for reason in item.reasons}


async def test_a_session_gets_the_rest_of_what_it_looks_at_and_nothing_that_it_had(deps: World) -> None:
    found = ids(await answer(deps, kind="session", user_id=None, item_ids=["blue-0", "blue-1"], limit=CLUSTER - 2))
    assert set(found) == {f"blue-{n}" for n in range(2, CLUSTER)}


async def test_a_session_follows_its_newest_item_first(deps: World) -> None:
    red_last = ids(await answer(deps, kind="session", user_id=None, item_ids=["blue-1", "red-1"], limit=1))
    blue_last = ids(await answer(deps, kind="session", user_id=None, item_ids=["red-1", "blue-1"], limit=1))
    assert red_last[0].startswith("red") and blue_last[0].startswith("blue")


async def test_a_session_of_unknown_items_gets_what_is_popular(deps: World) -> None:
    assert len(ids(await answer(deps, kind="session", user_id=None, item_ids=["nowhere"], limit=5))) == 5


async def test_a_guests_session_is_its_last_sitting_only() -> None:
    async with two_clusters() as deps:
        hour = 3_600_000
        await touch(deps, [("guest", "red-3"), ("guest", "red-4")], at_ms=NOW_MS - 5 * hour)
        await touch(deps, [("guest", "blue-3")], at_ms=NOW_MS - hour)
        asked = {"kind": "session", "user_id": None, "anonymous_id": "guest"}
        first = (await answer(deps, **asked, limit=3, explain=True)).items
        assert all(item.item_id.startswith("blue") for item in first)
        assert {reason.item_id for item in first for reason in item.reasons} <= {None, "blue-3"}
        assert "red-3" not in ids(await answer(deps, **asked, limit=100))
        assert ids(await answer(deps, kind="session", user_id=None, session_id="guest", limit=3)) == [
            item.item_id for item in first
        ]


async def test_a_session_of_an_unknown_user_gets_what_is_popular(deps: World) -> None:
    assert len(ids(await answer(deps, kind="session", user_id=None, session_id="s-new", limit=5))) == 5


async def test_what_was_bought_together_is_found_from_both_sides() -> None:
    async with two_clusters() as deps:
        await describe(deps, *({"item_id": name, "title": name} for name in ("bread", "butter", "jam")))
        await touch(deps, [("a", "bread"), ("a", "butter"), ("b", "bread"), ("b", "butter"), ("c", "jam")])
        await fold(deps)
        for seed, other in (("bread", "butter"), ("butter", "bread")):
            reply = await answer(deps, kind="bought_together", item_ids=[seed], limit=3, explain=True)
            assert reply.items[0].item_id == other
            [first] = [reason for reason in reply.items[0].reasons if reason.kind == "bought_together"]
            assert first.item_id == seed and first.contribution == pytest.approx(1.0)
            assert "bought_together" not in reasons(reply.items[1])


async def test_pairs_told_in_either_order_add_up() -> None:
    async with two_clusters() as deps:
        await describe(deps, *({"item_id": name, "title": name} for name in ("bread", "butter", "jam")))
        pairs = [("bread", "butter"), ("butter", "bread"), ("bread", "jam"), ("butter", "bread")]
        await touch(deps, [(f"buyer-{n}", name) for n, pair in enumerate(pairs) for name in pair])
        await fold(deps)
        found = await answer(deps, kind="bought_together", item_ids=["bread"], limit=2)
        assert ids(found) == ["butter", "jam"]
        assert found.items[1].score / found.items[0].score == pytest.approx(1 / 3, abs=1e-3)


async def test_views_count_for_nothing_beside_a_purchase() -> None:
    async with two_clusters() as deps:
        await describe(deps, *({"item_id": name, "title": name} for name in ("bread", "butter", "jam")))
        viewed = [(f"viewer-{n}", name) for n in range(20) for name in ("bread", "jam")]
        await touch(deps, viewed, event_type="view")
        await touch(deps, [("a", "bread"), ("a", "butter")])
        await fold(deps)
        reply = await answer(deps, kind="bought_together", item_ids=["bread"], limit=2, explain=True)
        assert ids(reply) == ["butter", "jam"]
        assert "liked_by_similar_users" in reasons(reply.items[1])
        assert "bought_together" not in reasons(reply.items[1])


async def test_a_search_finds_items_by_title_and_by_category(deps: World) -> None:
    assert ids(await answer(deps, kind="search", text="red-3", user_id=None))[0] == "red-3"
    by_category = ids(await answer(deps, kind="search", text="Blue", user_id=None, limit=100))
    assert {f"blue-{n}" for n in range(CLUSTER)} == set(by_category)


async def test_a_search_returns_what_matches_and_fills_with_nothing_else(deps: World) -> None:
    assert ids(await answer(deps, kind="search", text="zeppelin", user_id=None, limit=100)) == []


async def test_a_search_finds_what_the_user_has_seen(deps: World) -> None:
    found = ids(await answer(deps, kind="search", text="red", personalised=True, limit=100))
    assert {"red-0", "red-1"} <= set(found)


async def test_a_personalised_search_orders_what_matches_by_the_users_past(deps: World) -> None:
    asked = {"kind": "search", "text": "red blue", "limit": 100, "exclude": ["red-0", "red-1"]}
    plain = await answer(deps, **asked)
    personal = await answer(deps, **asked, personalised=True, explain=True)
    assert set(ids(personal)) == set(ids(plain))
    assert ids(plain)[0].startswith("blue") and ids(personal)[0].startswith("red")
    assert {"matches_text", "followed_by"} <= reasons(personal.items[0]).keys()


async def test_a_search_is_filtered_like_any_other_answer(deps: World) -> None:
    found = ids(await answer(deps, kind="search", text="red blue", limit=100, filters={"category": "blue"}))
    assert set(found) == {f"blue-{n}" for n in range(CLUSTER)}


async def test_trending_by_day_counts_days_and_by_events_counts_events() -> None:
    async with two_clusters() as deps:
        await describe(deps, *({"item_id": name, "title": name} for name in ("old", "new")))
        day = 86_400_000
        await touch(deps, [(f"n-{n}", "new") for n in range(3)], at_ms=NOW_MS)
        await touch(deps, [(f"o-{n}", "old") for n in range(6)], at_ms=NOW_MS - 30 * day)
        await fold(deps)
        only = {"kind": "trending", "limit": 2, "filters": {"attributes": {}}, "exclude": _clusters()}
        assert ids(await answer(deps, **only)) == ["old", "new"]
        assert ids(await answer(deps, **only, by="day")) == ["new", "old"]


ASKED: list[dict[str, Any]] = [
    {},
    {"user_id": "nobody"},
    {"kind": "trending"},
    {"kind": "trending", "by": "day"},
    {"kind": "similar_items", "item_ids": ["red-1"]},
    {"kind": "similar_items", "item_ids": ["red-1", "blue-2"]},
    {"kind": "bought_together", "item_ids": ["red-1", "red-2"]},
    {"kind": "session", "user_id": None, "item_ids": ["red-1", "red-2"]},
    {"kind": "search", "text": "red"},
    {"kind": "search", "text": "red", "personalised": True},
]


@pytest.mark.parametrize("body", ASKED, ids=str)
async def test_a_least_mean_rating_holds_for_every_kind(body: dict[str, Any]) -> None:
    async with two_clusters() as deps:
        for item_id, stars in (("red-3", 4.5), ("red-4", 4.0), ("red-5", 3.5)):
            await touch(deps, [("critic", item_id)], "rating", value=stars)
        await fold(deps)
        found = ids(await answer(deps, limit=100, filters={"min_mean_rating": 4}, **body))
        assert set(found) == {"red-3", "red-4"}


@pytest.mark.parametrize("diversity", [0.0, 0.7])
@pytest.mark.parametrize("body", ASKED, ids=str)
async def test_contributions_sum_to_the_score_for_every_kind(
    deps: World, body: dict[str, Any], diversity: float
) -> None:
    found = (await answer(deps, explain=True, limit=100, diversity=diversity, **body)).items
    assert found
    for item in found:
        assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-9)


def _clusters() -> list[str]:
    return [f"{colour}-{n}" for colour in ("red", "blue") for n in range(CLUSTER)]
