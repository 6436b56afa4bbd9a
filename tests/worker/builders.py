"""Catalog and interaction records that are valid by default: say only what a test is about."""

from typing import Any

from workers.records.out import Headers

T0_MS = 1_700_000_000_000


def item(item_id: str, **fields: Any) -> dict[str, Any]:
    """A catalog record."""
    return {"item_id": item_id, "title": f"Title of {item_id}", "category": "things", **fields}


def event(user_id: str, item_id: str, event_type: str = "view", **fields: Any) -> dict[str, Any]:
    """An interaction record; without `event_time` it happens when it is published."""
    return {"event_type": event_type, "user_id": user_id, "item_id": item_id, **fields}


def headers(**named: bytes) -> Headers:
    """Kafka headers by name."""
    return tuple(named.items())
