"""Records as clients send them: valid by default, one field changed at a time."""

from typing import Any

import orjson

NOW_MS = 1_714_564_800_000  # 2024-05-01T12:00:00Z


def interaction(**changes: Any) -> bytes:
    fields = {"event_type": "view", "user_id": "u1", "item_id": "i1", "event_time": NOW_MS}
    return encoded(fields | changes)


def item(**changes: Any) -> bytes:
    return encoded({"item_id": "i1", "title": "Toy Story", "tags": ["animation"]} | changes)


def request(**changes: Any) -> bytes:
    return encoded({"kind": "for_user", "user_id": "u1"} | changes)


def encoded(fields: dict[str, Any]) -> bytes:
    """JSON of the fields; a field set to ... is left out."""
    return orjson.dumps({name: content for name, content in fields.items() if content is not ...})
