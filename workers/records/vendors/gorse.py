"""Gorse: users and items, whose labels are any JSON; its feedback is flat."""

from typing import Any

from workers.records.vendors.parts import Object, as_list, plain


def user(body: Object) -> Object | None:
    """A user with labels."""
    if "FeedbackType" in body:
        return None
    return {"event_type": "profile", "user_id": body.get("UserId"), "attributes": _attributes(body["Labels"])}


def item(body: Object) -> Object:
    """An item: labels that are texts become tags, others attributes."""
    labels = body.get("Labels")
    are_tags = isinstance(labels, list)
    return {
        "item_id": body["ItemId"],
        "description": body.get("Comment"),
        "category": next(iter(as_list(body.get("Categories"))), None),
        "tags": labels if are_tags else None,
        "available": body["IsHidden"] is not True if "IsHidden" in body else None,
        "published_at": body.get("Timestamp"),
        "attributes": None if are_tags or labels is None else _attributes(labels),
    }


def _attributes(labels: Any) -> Object:
    return plain(labels if isinstance(labels, dict) else {"labels": labels})
