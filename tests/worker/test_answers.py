"""What is recommended, asked of a running worker: the right answer is known by construction."""

from collections.abc import AsyncIterator

import orjson
import pytest_asyncio

from tests.waiting import until
from tests.worker.builders import T0_MS, event, item
from tests.worker.shop import Shop, other_partition
from workers.stream.partitioning import partition_of

FILLERS = 650
CLUSTER = 12
OUTCOMES = ("applied", "duplicate")


def clusters() -> list[dict[str, object]]:
    """Members u0… of each cluster touch its items one after the other, in an order of their own."""
    return [
        event(f"{name}-user-{user}", f"{name}-{(user + step) % CLUSTER}", "purchase", event_time=T0_MS + 60_000 * step)
        for name in ("crime", "farce")
        for user in range(CLUSTER)
        for step in range(CLUSTER - 2)
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def catalog(shop: Shop) -> AsyncIterator[None]:
    fillers = [item(f"filler-{n:03}", category=f"shelf-{n % 7}", price=n) for n in range(FILLERS)]
    members = [item(f"{name}-{n}", category=name) for name in ("crime", "farce") for n in range(CLUSTER)]
    await shop.publish_items(*fillers, *members)
    await shop.publish_events(*clusters())
    yield


async def test_a_user_of_a_cluster_gets_what_is_missing_of_the_cluster(shop: Shop) -> None:
    for name in ("crime", "farce"):
        for user in (0, 5):
            missing = {f"{name}-{(user + step) % CLUSTER}" for step in (CLUSTER - 2, CLUSTER - 1)}
            assert set(await shop.ids(user_id=f"{name}-user-{user}", limit=2)) == missing


async def test_a_single_view_turns_the_answer_to_its_cluster(shop: Shop) -> None:
    await shop.publish_events(event("newcomer", "farce-3"))
    found = await shop.ids(user_id="newcomer", limit=5)
    assert [item_id.split("-")[0] for item_id in found] == ["farce"] * 5


async def test_seen_items_never_come_back_however_many_are_asked_for(shop: Shop) -> None:
    seen = {f"filler-{n:03}" for n in range(260)}
    await shop.publish_events(*(event("reader", item_id) for item_id in sorted(seen)))
    found = await shop.ids(user_id="reader", limit=100)
    assert len(found) == len(set(found)) == 100
    assert not seen & set(found)


async def test_ten_thousand_excluded_items_leave_the_list_full(shop: Shop) -> None:
    everything = [f"filler-{n:03}" for n in range(FILLERS)]
    await shop.publish_events(*(event("picky", item_id) for item_id in everything[:250]))
    excluded = [f"nowhere-{n}" for n in range(10_000 - 300)] + everything[250:550]
    found = await shop.ids(user_id="picky", limit=100, exclude=excluded)
    assert len(found) == 100
    assert not {*everything[:250], *excluded} & set(found)


async def test_ids_that_no_item_can_have_exclude_nothing(shop: Shop) -> None:
    found = await shop.ids(user_id="crime-user-0", limit=5, exclude=["", "x" * 5_000, "crime-10"])
    assert len(found) == 5
    assert "crime-10" not in found


async def test_a_list_is_short_only_when_there_are_too_few_items(shop: Shop) -> None:
    assert len(await shop.ids(user_id="nobody", limit=50, filters={"category": "crime"})) == CLUSTER


async def test_filters_hold_for_every_item(shop: Shop) -> None:
    reply = await shop.ask(user_id="nobody", limit=20, filters={"category": "shelf-3", "price": {"min": 300}})
    assert len(reply["items"]) == 20
    assert all(found["category"] == "shelf-3" and found["price"] >= 300 for found in reply["items"])


async def test_a_user_without_a_history_gets_what_is_popular(shop: Shop) -> None:
    await shop.publish_events(*(event(f"fan-{n}", "filler-600", "purchase") for n in range(40)))
    await until(lambda: _is_first("filler-600", shop, user_id="nobody"))
    reply = await shop.ask(user_id="nobody")
    assert len(reply["items"]) == 10
    assert reply["degraded"] == [] and reply["as_of"] is None


async def test_trending_shows_what_many_touched_a_moment_ago(shop: Shop) -> None:
    await shop.publish_events(*(event(f"crowd-{n}", "filler-601", "purchase") for n in range(60)))
    await until(lambda: _is_first("filler-601", shop, kind="trending"))


async def test_similar_items_are_of_the_same_cluster_without_the_one_asked_about(shop: Shop) -> None:
    found = await shop.ids(kind="similar_items", item_ids=["crime-3"], limit=8)
    assert len(found) == 8 and "crime-3" not in found
    assert all(item_id.startswith("crime-") for item_id in found)


async def test_an_item_that_the_catalog_never_had_is_an_error_of_the_request(shop: Shop) -> None:
    reply = await shop.ask(kind="similar_items", item_ids=["nowhere"])
    assert reply["error"]["code"] == "unknown_item"
    assert "nowhere" in reply["error"]["message"]


async def test_contributions_sum_to_the_score(shop: Shop) -> None:
    for body in ({"user_id": "crime-user-0"}, {"kind": "similar_items", "item_ids": ["farce-1", "farce-2"]}):
        reply = await shop.ask(**body, explain=True, limit=20)
        for found in reply["items"]:
            assert abs(sum(reason["contribution"] for reason in found["reasons"]) - found["score"]) < 1e-6
        assert any(reason["item_id"] for reason in reply["items"][0]["reasons"])


async def test_scores_fall_and_ranks_count_from_one(shop: Shop) -> None:
    items = (await shop.ask(user_id="crime-user-1", limit=30))["items"]
    assert [found["rank"] for found in items] == list(range(1, 31))
    scores = [found["score"] for found in items]
    assert scores == sorted(scores, reverse=True)


async def test_an_item_can_be_recommended_from_its_catalog_event_on_and_not_after_its_deletion(shop: Shop) -> None:
    wanted = {"filters": {"category": "brand-new"}, "user_id": "nobody"}
    assert await shop.ids(**wanted) == []
    await shop.publish_items(item("fresh", category="brand-new"))
    assert await shop.ids(**wanted) == ["fresh"]
    await shop.delete_item("fresh")
    assert await shop.ids(**wanted) == []
    await shop.publish_items(item("fresh", category="brand-new"))
    assert await shop.ids(**wanted) == ["fresh"]


async def test_an_unavailable_item_vanishes_and_comes_back(shop: Shop) -> None:
    wanted = {"filters": {"category": "rare"}, "user_id": "nobody"}
    await shop.publish_items(item("rarity", category="rare"))
    assert await shop.ids(**wanted) == ["rarity"]
    await shop.publish_items(item("rarity", category="rare", available=False))
    assert await shop.ids(**wanted) == []
    await shop.publish_items(item("rarity", category="rare", available=True))
    assert await shop.ids(**wanted) == ["rarity"]


async def test_events_on_an_unknown_item_count_and_show_when_it_arrives(shop: Shop) -> None:
    for n in range(5):
        await shop.publish_events(event(f"early-{n}", "crime-0"), event(f"early-{n}", "announced", "purchase"))
    assert "announced" not in await shop.ids(kind="similar_items", item_ids=["crime-0"], limit=100)
    await shop.publish_items(item("announced", category="else"))
    reply = await shop.ask(kind="similar_items", item_ids=["crime-0"], limit=100, explain=True)
    [shown] = [found for found in reply["items"] if found["item_id"] == "announced"]
    behind = {(reason["kind"], reason["item_id"]) for reason in shown["reasons"]}
    assert {("followed_by", "crime-0"), ("liked_by_similar_users", "crime-0")} <= behind
    assert await shop.ids(user_id="early-0", limit=3, filters={"category": "else"}) == []


async def test_an_answer_holds_the_callers_own_event(shop: Shop) -> None:
    for n in range(10):
        user = f"writer-{n}"
        partition, offset = await shop.send(
            shop.topics.user_interactions, b'{"event_type":"view","item_id":"farce-%d"}' % n, key=user.encode()
        )
        assert partition == partition_of(user, 4)
        reply = await shop.ask(user_id=user, min_offset={"partition": partition, "offset": offset}, limit=100)
        assert reply["as_of"]["offset"] >= offset
        assert f"farce-{n}" not in [found["item_id"] for found in reply["items"]]


async def test_an_answer_names_the_place_where_misplaced_events_were_published_as_far_as_it_holds_them(
    shop: Shop,
) -> None:
    topic, astray = shop.topics.user_interactions, other_partition("astray", 4)
    for n in range(3):
        body = b'{"event_type":"view","item_id":"farce-%d"}' % n
        position = dict(
            zip(("partition", "offset"), await shop.send(topic, body, b"astray", partition=astray), strict=True)
        )
        assert position["partition"] == astray
        reply = await shop.ask(user_id="astray", min_offset=position)
        assert {**reply["as_of"], "event_time": 0} == {**position, "event_time": 0}
    _, offset = await shop.send(topic, b'{"event_type":"view","item_id":"crime-1"}', b"astray")
    home = {"partition": partition_of("astray", 4), "offset": offset}
    reply = await shop.ask(user_id="astray", min_offset=home)
    assert {**reply["as_of"], "event_time": 0} == {**home, "event_time": 0}


async def test_repeated_event_ids_count_once_and_two_clicks_without_one_count_twice(shop: Shop) -> None:
    await shop.until_folded()
    before = {outcome: await shop.worker.value("tastestream_events_total", outcome=outcome) for outcome in OUTCOMES}
    await shop.publish_events(*(event("double", "crime-1", "click", event_id="e1") for _ in range(3)))
    await shop.publish_events(*(event("double", "crime-2", "click") for _ in range(2)))
    after = {outcome: await shop.worker.value("tastestream_events_total", outcome=outcome) for outcome in OUTCOMES}
    assert {outcome: after[outcome] - before[outcome] for outcome in OUTCOMES} == {"applied": 3, "duplicate": 2}


async def test_diversity_keeps_the_best_and_mixes_the_rest(shop: Shop) -> None:
    plain = await shop.ids(user_id="crime-user-0", limit=10)
    mixed = await shop.ids(user_id="crime-user-0", limit=10, diversity=0.9)
    assert mixed[0] == plain[0]
    assert len(set(mixed)) == 10 and set(mixed) != set(plain)


async def _is_first(item_id: str, shop: Shop, **body: object) -> bool:
    return (await shop.ids(**body))[0] == item_id


async def test_a_change_of_some_fields_shows_and_keeps_the_rest(shop: Shop) -> None:
    wanted = {"filters": {"category": "changing"}, "user_id": "nobody"}
    await shop.publish_items(item("changing", category="changing", price=5, url="/old"))
    await shop.publish_items({"item_id": "changing", "update": "partial", "price": 4, "url": None})
    [shown] = (await shop.ask(**wanted))["items"]
    assert (shown["title"], shown["price"], shown["url"]) == ("Title of changing", 4.0, "")
    await shop.publish_items({"item_id": "changing", "update": "partial", "available": False})
    assert await shop.ids(**wanted) == []


async def test_an_item_under_a_wrong_key_or_in_a_wrong_partition_shows_and_goes(shop: Shop) -> None:
    wanted = {"filters": {"category": "astray"}, "user_id": "nobody"}
    topic, elsewhere = shop.topics.item_catalog, other_partition("astray-1", 4)
    await shop.publish(topic, [('"astray-0"', item("astray-0", category="astray"))])
    await shop.send(topic, orjson.dumps(item("astray-1", category="astray")), b"astray-1", partition=elsewhere)
    await until(lambda: _are({"astray-0", "astray-1"}, shop, **wanted))
    await shop.send(topic, None, b"astray-1", partition=elsewhere)
    await until(lambda: _are({"astray-0"}, shop, **wanted))
    assert await shop.worker.value("tastestream_catalog_records_total", outcome="rerouted") == 3


async def _are(item_ids: set[str], shop: Shop, **body: object) -> bool:
    return set(await shop.ids(**body)) == item_ids
