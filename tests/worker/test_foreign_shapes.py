"""Records of other systems, as their producers send them, through Kafka to answers."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest
import pytest_asyncio

from tests.worker.builders import headers, item
from tests.worker.shop import Shop, until_committed
from workers.records.out import Headers

ISO = "2024-05-01T12:00:00.000Z"
NOW_MS = 1_714_564_800_000
CLOUD_EVENT = headers(
    ce_specversion=b"1.0", ce_id=b"c1", ce_source=b"/shop", ce_type=b"com.example.shop.view", ce_time=ISO.encode()
)
STRUCTURED: Headers = (("content-type", b"application/cloudevents+json"),)


def ga4(name: str, user: str, **fields: Any) -> dict[str, Any]:
    return {"event_name": name, "event_timestamp": NOW_MS * 1000, "user_pseudo_id": user, **fields}


def segment(event: str, user: str, **properties: Any) -> dict[str, Any]:
    ids = {"messageId": f"m-{user}", "userId": user}
    return {"type": "track", "event": event, **ids, "timestamp": ISO, "properties": properties}


def retail(kind: str, user: str, *products: str) -> dict[str, Any]:
    details = [{"product": {"id": product}, "quantity": 1} for product in products]
    return {"eventType": kind, "visitorId": user, "eventTime": ISO, "productDetails": details}


def recombee(path: str, user: str, **params: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "params": {"userId": user, "timestamp": ISO, **params}}


def metarank(event: str, user: str, **fields: Any) -> dict[str, Any]:
    return {"event": event, "id": f"e-{user}", "timestamp": str(NOW_MS), "user": user, "session": "s", **fields}


def gorse(kind: str, user: str, item_id: str) -> dict[str, Any]:
    return {"FeedbackType": kind, "UserId": user, "ItemId": item_id, "Timestamp": ISO}


# Name and user → record, headers, our type, items touched.
EVENTS: Mapping[str, tuple[dict[str, Any], Headers, str, tuple[str, ...]]] = {
    "ga4-export": (ga4("view_item", "ga4-export", items=[{"item_id": "a", "price": 9.5}]), (), "view", ("a",)),
    "ga4-layer": (
        {"event": "add_to_cart", "user_id": "ga4-layer", "ecommerce": {"items": [{"item_id": "b"}]}},
        (),
        "add_to_cart",
        ("b",),
    ),
    "ga4-protocol": (
        {"client_id": "ga4-protocol", "events": [{"name": "purchase", "params": {"items": [{"item_id": "c"}]}}]},
        (),
        "purchase",
        ("c",),
    ),
    "segment-view": (segment("Product Viewed", "segment-view", product_id="a"), (), "view", ("a",)),
    "segment-order": (
        segment("Order Completed", "segment-order", products=[{"product_id": "a"}, {"product_id": "b"}]),
        (),
        "purchase",
        ("a", "b"),
    ),
    "retail-view": (retail("detail-page-view", "retail-view", "a"), (), "view", ("a",)),
    "retail-order": (retail("purchase-complete", "retail-order", "b", "c"), (), "purchase", ("b", "c")),
    "personalize-row": (
        {"USER_ID": "personalize-row", "ITEM_ID": "a", "EVENT_TYPE": "View", "TIMESTAMP": NOW_MS // 1000},
        (),
        "view",
        ("a",),
    ),
    "personalize-call": (
        {"userId": "personalize-call", "sessionId": "s", "eventList": [{"eventType": "click", "itemId": "b"}]},
        (),
        "click",
        ("b",),
    ),
    "recombee-view": (recombee("/detailviews/", "recombee-view", itemId="a"), (), "view", ("a",)),
    "recombee-rating": (recombee("/ratings/", "recombee-rating", itemId="b", rating=0.5), (), "rating", ("b",)),
    "recombee-portion": (recombee("/viewportions/", "recombee-portion", itemId="c", portion=0.8), (), "watch", ("c",)),
    "gorse-like": (gorse("like", "gorse-like", "a"), (), "like", ("a",)),
    "gorse-read": (gorse("read", "gorse-read", "b"), (), "view", ("b",)),
    "metarank-click": (metarank("interaction", "metarank-click", type="click", item="a"), (), "click", ("a",)),
    "metarank-order": (metarank("interaction", "metarank-order", type="purchase", item="b"), (), "purchase", ("b",)),
    "cloud-binary": ({"user_id": "cloud-binary", "item_id": "a"}, CLOUD_EVENT, "view", ("a",)),
    "cloud-structured": (
        {
            "specversion": "1.0",
            "id": "c2",
            "source": "/shop",
            "type": "com.example.shop.click",
            "time": ISO,
            "data": {"user_id": "cloud-structured", "item_id": "b"},
        },
        STRUCTURED,
        "click",
        ("b",),
    ),
    "cloud-segment": (
        {
            "specversion": "1.0",
            "id": "c3",
            "source": "/shop",
            "type": "com.example.track",
            "data": segment("Product Clicked", "cloud-segment", product_id="c"),
        },
        (),
        "click",
        ("c",),
    ),
}
ITEMS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "retail-item": (
        {
            "id": "retail-item",
            "title": "Heat",
            "categories": ["film"],
            "priceInfo": {"price": 9.5},
            "availability": "IN_STOCK",
        },
        {"title": "Heat", "category": "film", "price": 9.5},
    ),
    "gorse-item": (
        {"ItemId": "gorse-item", "IsHidden": False, "Categories": ["film"], "Labels": ["noir"], "Timestamp": ISO},
        {"category": "film"},
    ),
    "personalize-item": (
        {"itemId": "personalize-item", "properties": '{"price": 7.5, "CATEGORY_L1": "film"}'},
        {"price": 7.5, "category": "film"},
    ),
}
KNOWN = "abcdef"


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def published(shop: Shop) -> AsyncIterator[None]:
    """Every record is sent without a key, as most of these systems' connectors do; items need theirs."""
    await shop.publish_items(*(item(item_id) for item_id in KNOWN))
    await shop.publish(shop.topics.item_catalog, [(name, body) for name, (body, _) in ITEMS.items()])
    for number, (body, named, _, _) in enumerate(EVENTS.values()):
        await shop.send(shop.topics.user_interactions, orjson.dumps(body), headers=named, partition=number % 4)
    for topic in (shop.topics.user_interactions, shop.topics.interactions_rerouted):
        await until_committed(shop.worker, topic)
    await shop.until_folded()
    yield


@pytest.mark.parametrize("user", EVENTS)
async def test_a_foreign_event_is_in_its_users_answer(shop: Shop, user: str) -> None:
    *_, touched = EVENTS[user]
    reply = await shop.ask(user_id=user, limit=100)
    assert reply["as_of"] is not None
    assert set(KNOWN) - {found["item_id"] for found in reply["items"]} == set(touched)


async def test_each_foreign_event_counts_once_under_our_type(shop: Shop) -> None:
    for event_type, count in Counter(event_type for _, _, event_type, _ in EVENTS.values()).items():
        labels = {"type": event_type, "outcome": "applied"}
        assert await shop.worker.value("tastestream_events_total", **labels) == count
    assert await shop.worker.value("tastestream_dead_letters_total") == 0


@pytest.mark.parametrize("item_id", ITEMS)
async def test_a_foreign_item_is_recommended_with_what_it_says(shop: Shop, item_id: str) -> None:
    reply = await shop.ask(user_id="nobody", limit=100)
    [found] = [found for found in reply["items"] if found["item_id"] == item_id]
    assert ITEMS[item_id][1].items() <= found.items()
