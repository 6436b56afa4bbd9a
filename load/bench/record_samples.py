"""One record of every shape that is understood: for the benchmark and as seeds of the fuzzer."""

from collections.abc import Mapping
from typing import Any

NOW_MS = 1_714_564_800_000  # 2024-05-01T12:00:00Z
ISO = "2024-05-01T12:00:00.000Z"

CLOUD_EVENT_HEADERS: tuple[tuple[str, bytes | None], ...] = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"e1"),
    ("ce_source", b"/shop"),
    ("ce_type", b"com.example.shop.view"),
    ("ce_time", b"2024-05-01T12:00:00Z"),
    ("content-type", b"application/json"),
)

OWN: Mapping[str, dict[str, Any]] = {
    "view": {
        "event_id": "e1",
        "event_type": "view",
        "user_id": "u1",
        "item_id": "a",
        "event_time": NOW_MS,
        "session_id": "s1",
    },
    "rating": {"event_type": "rating", "user_id": "u1", "item_id": "a", "value": 4.5, "event_time": NOW_MS},
    "identify": {"event_type": "identify", "user_id": "u1", "anonymous_id": "g1"},
    "profile": {"event_type": "profile", "user_id": "u1", "attributes": {"country": "NL", "likes": ["a", "b"]}},
}
ORDER: Mapping[str, Any] = {
    "event_type": "purchase",
    "user_id": "u1",
    "items": [{"item_id": item, "quantity": 2, "price": 9.5} for item in "abc"],
    "event_time": ISO,
}
FOREIGN: Mapping[str, dict[str, Any]] = {
    "GA4 export": {
        "event_date": "20240501",
        "event_timestamp": NOW_MS * 1000,
        "event_name": "view_item",
        "event_params": [
            {"key": "ga_session_id", "value": {"string_value": None, "int_value": 17, "double_value": None}},
            {"key": "page_location", "value": {"string_value": "https://example.org/a", "int_value": None}},
        ],
        "user_id": None,
        "user_pseudo_id": "77.1",
        "items": [{"item_id": "a", "item_name": "A", "price": 9.5, "quantity": None}],
        "device": {"category": "mobile", "language": "nl"},
    },
    "GA4 measurement": {
        "client_id": "77.1",
        "timestamp_micros": NOW_MS * 1000,
        "events": [{"name": "add_to_cart", "params": {"session_id": "17", "items": [{"item_id": "a"}]}}],
    },
    "Segment track": {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "m1",
        "anonymousId": "g1",
        "userId": "u1",
        "timestamp": ISO,
        "sentAt": ISO,
        "properties": {"product_id": "a", "price": 9.5, "category": "Games"},
        "context": {"ip": "203.0.113.4", "library": {"name": "analytics.js", "version": "2"}},
    },
    "Segment identify": {"type": "identify", "userId": "u1", "anonymousId": "g1", "traits": {"country": "NL"}},
    "Vertex retail": {
        "eventType": "detail-page-view",
        "visitorId": "g1",
        "eventTime": ISO,
        "userInfo": {"userId": "u1", "userAgent": "browser"},
        "productDetails": [{"product": {"id": "a"}, "quantity": 1}],
        "attributionToken": "token",
    },
    "Personalize row": {"USER_ID": "u1", "ITEM_ID": "a", "EVENT_TYPE": "view", "TIMESTAMP": NOW_MS // 1000},
    "Personalize call": {
        "trackingId": "t",
        "userId": "u1",
        "sessionId": "s1",
        "eventList": [{"eventId": "e1", "eventType": "click", "itemId": "a", "sentAt": NOW_MS // 1000}],
    },
    "Recombee": {
        "method": "POST",
        "path": "/ratings/",
        "params": {"userId": "u1", "itemId": "a", "rating": 0.5, "timestamp": ISO, "cascadeCreate": True},
    },
    "Gorse": {"FeedbackType": "read", "UserId": "u1", "ItemId": "a", "Timestamp": ISO},
    "Metarank": {
        "event": "interaction",
        "id": "e1",
        "ranking": "r1",
        "timestamp": str(NOW_MS),
        "user": "u1",
        "session": "s1",
        "type": "click",
        "item": "a",
        "fields": [{"name": "count", "value": 1}],
    },
    "CloudEvents": {
        "specversion": "1.0",
        "id": "e1",
        "source": "/shop",
        "type": "com.example.shop.view",
        "time": ISO,
        "data": {"user_id": "u1", "item_id": "a"},
    },
}
ITEMS: Mapping[str, dict[str, Any]] = {
    "own item": {"item_id": "a", "title": "A", "category": "film", "tags": ["x"], "price": 9.5, "attributes": {"y": 1}},
    "update": {"item_id": "a", "update": "partial", "price": 7.5, "tags": None, "attributes": {"y": None}},
    "Vertex product": {
        "id": "a",
        "title": "A",
        "categories": ["film"],
        "priceInfo": {"price": 9.5},
        "availability": "IN_STOCK",
        "images": [{"uri": "https://example.org/a.jpg"}],
        "attributes": {"colour": {"text": ["red"]}},
    },
    "Gorse item": {"ItemId": "a", "IsHidden": False, "Categories": ["film"], "Labels": {"y": 1}, "Timestamp": ISO},
    "Personalize item": {"itemId": "a", "properties": '{"price": 9.5}'},
    "Metarank item": {"event": "item", "item": "a", "timestamp": ISO, "fields": [{"name": "title", "value": "A"}]},
}
REQUESTS: Mapping[str, dict[str, Any]] = {
    "for_user": {"kind": "for_user", "user_id": "u1", "limit": 20, "reply_to": "r", "correlation_id": "c"},
    "filtered": {
        "kind": "similar_items",
        "item_ids": ["a"],
        "exclude": ["b"],
        "filters": {
            "category": ["film"],
            "category_not": "short",
            "price": {"min": 1, "max": 9},
            "tags": ["x"],
            "tags_any": ["y"],
            "attributes": {"year": 1995},
            "published_since": "1990-01-01",
        },
        "min_offset": {"partition": 1, "offset": 7},
        "deadline_ms": 250,
    },
}
