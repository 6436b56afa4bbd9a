"""Rules and exploring in a running worker: published while it runs, seen in replies, lines and over HTTP."""

import asyncio
import urllib.request
from typing import Any

import orjson

from tests.waiting import until
from tests.worker.builders import event, item
from tests.worker.shop import Shop


async def put(shop: Shop, scenario: str, rules: dict[str, Any] | None) -> None:
    value = None if rules is None else orjson.dumps(rules)
    await shop.send(shop.topics.recommendation_rules, value, scenario.encode(), partition=0)


async def test_rules_hold_from_a_next_answer_on_over_kafka_and_http_and_until_they_are_taken_away(shop: Shop) -> None:
    await shop.publish_items(*(item(f"book-{n}", category="book", attributes={"sale": n < 2}) for n in range(6)))
    await shop.publish_events(*(event(f"u{n}", f"book-{n % 6}") for n in range(12)))
    await put(shop, "home", {"filters": {"category": "book"}, "blocks": [{"where": {"attributes": {"sale": True}}}]})

    async def blocked() -> bool:
        return set(await shop.ids(user_id="guest", limit=100, scenario="home")) == {f"book-{n}" for n in range(2, 6)}

    await until(blocked)
    body = {"kind": "for_user", "user_id": "guest", "limit": 100, "scenario": "home"}
    over_http = await asyncio.to_thread(post, shop, body)
    assert {one["item_id"] for one in over_http["items"]} == {f"book-{n}" for n in range(2, 6)}
    assert set(await shop.ids(user_id="guest", limit=100, scenario="other")) >= {"book-0", "book-1"}

    await put(shop, "home", {"filters": {"category": "no-such"}, "colour": "red"})
    await until(lambda: refused(shop))
    assert await blocked()
    await put(shop, "home", None)

    async def gone() -> bool:
        return not await blocked()

    await until(gone)


async def refused(shop: Shop) -> bool:
    letters = await shop.read(shop.topics.dead_letters)
    return any(dict(letter.headers).get("tastestream.reason") == b"unknown_field" for letter in letters)


def post(shop: Shop, body: dict[str, Any]) -> Any:
    url = f"http://127.0.0.1:{shop.worker.settings['web_port']}/v1/recommendations"
    with urllib.request.urlopen(urllib.request.Request(url, orjson.dumps(body)), timeout=10) as reply:
        return orjson.loads(reply.read())


async def test_an_item_is_explored_as_soon_as_it_is_published_and_its_chance_is_logged(shop: Shop) -> None:
    await shop.publish_items(*(item(f"film-{n}", category="film") for n in range(6)))
    await shop.publish_events(*(event(f"m{user}", f"film-{n}", "purchase") for user in range(12) for n in range(6)))
    await put(shop, "fresh", {"explore": 1.0, "filters": {"category": "film"}})
    await shop.publish_items(item("film-new", category="film"))

    replies: list[dict[str, Any]] = []

    async def explored() -> bool:
        replies.append(await shop.ask(user_id="visitor", limit=3, scenario="fresh"))
        return ("film-new", "explored") in {(one["item_id"], one["shown_as"]) for one in replies[-1]["items"]}

    await until(explored)
    [last] = await shop.served(replies[-1])
    assert {one["item_id"]: one["propensity"] for one in last["items"]}["film-new"] == 1.0
    assert [one["shown_as"] for one in last["items"]].count("explored") == 1
