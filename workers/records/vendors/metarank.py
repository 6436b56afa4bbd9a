"""Metarank: interaction, ranking, user and item events, with `fields` as a list of names and values."""

from typing import Any

from workers.records.aliases import ITEM_FIELDS
from workers.records.vendors.parts import Object, as_list, as_object, plain


def event(body: Object) -> Object | None:
    """What a visitor saw or did, or who they are; without a user the session is the guest."""
    kind, user = body["event"], body.get("user")
    if kind not in ("interaction", "ranking", "user"):
        return None
    who = {
        "event_id": body.get("id"),
        "user_id": user,
        "anonymous_id": body.get("session") if user is None else None,
        "session_id": body.get("session"),
        "event_time": body.get("timestamp"),
    }
    if kind == "interaction":
        origin = {"item_id": body.get("item"), "recommendation_id": body.get("ranking")}
        return {**who, **origin, "event_type": body.get("type")}
    if kind == "ranking":
        return {**who, "event_type": "impression", "items": body.get("items"), "recommendation_id": body.get("id")}
    return {**who, "event_type": "profile", "attributes": plain(_named(body.get("fields")))}


def item(body: Object) -> Object | None:
    """An item: fields that we know by name, the others as attributes; those not sent stay as they are."""
    if body["event"] != "item":
        return None
    fields = _named(body.get("fields"))
    attributes = plain({name: value for name, value in fields.items() if name not in ITEM_FIELDS})
    return {**fields, "item_id": body.get("item"), "attributes": attributes, "update": "partial"}


def _named(fields: Any) -> Object:
    pairs = map(as_object, as_list(fields))
    return {pair["name"]: pair.get("value") for pair in pairs if isinstance(pair.get("name"), str)}
