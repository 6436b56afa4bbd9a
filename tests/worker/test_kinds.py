"""Every kind of request, asked of a running worker over Kafka and Qdrant Edge."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.waiting import until
from tests.worker.builders import T0_MS, event, item
from tests.worker.shop import Shop, other_partition
from workers.records.request import KINDS

DAY_MS = 86_400_000
ASKED: dict[str, dict[str, Any]] = {
    "for_user": {"user_id": "reader-0"},
    "similar_items": {"item_ids": ["crime-1"]},
    "bought_together": {"item_ids": ["bread"]},
    "trending": {},
    "search": {"text": "crime farce"},
    "session": {"item_ids": ["crime-1", "crime-2"]},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def catalog(shop: Shop) -> AsyncIterator[None]:
    books = [
        item(f"{shelf}-{n}", title=f"The {shelf} number {n}", category=shelf, attributes={"region": "NL"})
        for shelf in ("crime", "farce")
        for n in range(12)
    ]
    food = [item(name, title=name.capitalize(), category="food") for name in ("bread", "butter", "jam")]
    await shop.publish_items(*books, *food)
    read = [
        event(f"reader-{user}", f"{shelf}-{(user + step) % 12}", event_time=T0_MS + 60_000 * step)
        for shelf, users in (("crime", range(6)), ("farce", range(6, 12)))
        for user in users
        for step in range(8)
    ]
    baskets = [event(f"cook-{n}", name, "purchase") for n in range(3) for name in ("bread", "butter")]
    await shop.publish_events(*read, *baskets, event("cook-0", "jam", "view"))
    yield


def test_every_kind_is_asked() -> None:
    assert ASKED.keys() == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
async def test_explanations_sum_to_the_score_and_pages_go_on(shop: Shop, kind: str) -> None:
    first = await shop.ask(kind=kind, **ASKED[kind], limit=2, explain=True, diversity=0.5)
    second = await shop.ask(kind=kind, **ASKED[kind], limit=2, explain=True, next=first["next"])
    assert first["degraded"] == second["degraded"] == []
    assert first["recommendation_id"] == second["recommendation_id"]
    shown = [*first["items"], *second["items"]]
    assert [found["rank"] for found in shown] == [1, 2, 3, 4]
    assert len({found["item_id"] for found in shown}) == 4
    for found in shown:
        assert abs(sum(reason["contribution"] for reason in found["reasons"]) - found["score"]) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
async def test_filters_hold_for_every_kind(shop: Shop, kind: str) -> None:
    allowed = {"category": ["crime", "food"], "category_not": "food", "attributes": {"region": "NL"}}
    reply = await shop.ask(kind=kind, **ASKED[kind], limit=100, filters=allowed)
    assert reply["items"] and {found["category"] for found in reply["items"]} == {"crime"}


async def test_what_was_bought_together_comes_from_both_sides_and_views_do_not_count(shop: Shop) -> None:
    assert (await shop.ids(kind="bought_together", item_ids=["bread"], limit=3))[0] == "butter"
    reply = await shop.ask(kind="bought_together", item_ids=["butter"], limit=3, explain=True)
    assert reply["items"][0]["item_id"] == "bread"
    bought = {"kind": "bought_together", "item_id": "butter", "contribution": 1.0, "rule": None}
    assert reply["items"][0]["reasons"][0] == bought
    kinds = {reason["kind"] for found in reply["items"][1:] for reason in found["reasons"]}
    assert "bought_together" not in kinds


async def test_a_search_finds_titles_near_spellings_and_ids(shop: Shop) -> None:
    assert (await shop.ids(kind="search", text="BUTTER"))[0] == "butter"
    assert (await shop.ids(kind="search", text="buter"))[0] == "butter"
    assert (await shop.ids(kind="search", text="farce-7"))[0] == "farce-7"
    assert await shop.ids(kind="search", text="zyzzyva") == []


async def test_a_guests_session_is_read_from_the_guests_own_stream(shop: Shop) -> None:
    for subject in ("anonymous_id", "session_id"):
        await shop.publish_events(event(f"guest-{subject}", "farce-3"))
        reply = await shop.ask(kind="session", **{subject: f"guest-{subject}"}, limit=3)
        assert [found["category"] for found in reply["items"]] == ["farce"] * 3


async def test_trending_by_the_day_forgets_what_was_liked_last_month(shop: Shop) -> None:
    await shop.publish_items(*(item(f"song-{when}", category="song") for when in ("old", "new")))
    now_ms = T0_MS + 1_000 * DAY_MS
    liked = [event(f"f-{n}", "song-old", "like", event_time=now_ms - 30 * DAY_MS) for n in range(6)]
    await shop.publish_events(*liked, *(event(f"g-{n}", "song-new", "like", event_time=now_ms) for n in range(3)))
    songs = {"kind": "trending", "filters": {"category": "song"}}
    assert await shop.ids(**songs) == ["song-old", "song-new"]
    assert await shop.ids(**songs, by="day") == ["song-new", "song-old"]


async def test_a_least_mean_rating_is_of_all_ratings(shop: Shop) -> None:
    await shop.publish_items(*(item(f"play-{n}", category="play") for n in range(3)))
    stars = (("play-0", 5), ("play-0", 4), ("play-1", 5), ("play-1", 2))
    await shop.publish_events(*(event(f"s-{n}", name, "rating", value=v) for n, (name, v) in enumerate(stars)))
    plays = {"kind": "trending", "limit": 10}
    assert await shop.ids(**plays, filters={"category": "play", "min_mean_rating": 4}) == ["play-0"]
    assert len(await shop.ids(**plays, filters={"category": "play", "min_mean_rating": 3.5})) == 2


async def test_an_answer_holds_an_event_that_was_published_to_a_foreign_partition(shop: Shop) -> None:
    for n in range(10):
        user = f"lost-{n}"
        partition, offset = await shop.send(
            shop.topics.user_interactions,
            b'{"event_type":"view","user_id":"%s","item_id":"farce-%d"}' % (user.encode(), n),
            key=b"another key",
            partition=other_partition(user, 4),
        )
        reply = await shop.ask(user_id=user, min_offset={"partition": partition, "offset": offset}, limit=100)
        assert f"farce-{n}" not in [found["item_id"] for found in reply["items"]]
        assert reply["as_of"] is not None


async def test_every_kind_is_counted_under_its_own_name(shop: Shop) -> None:
    for kind in KINDS:
        await shop.ask(kind=kind, **ASKED[kind])

    async def counted() -> bool:
        name = "tastestream_request_duration_seconds_count"
        found = [await shop.worker.value(name, kind=kind, stage="total", outcome="ok") for kind in KINDS]
        return all(found)

    await until(counted)
