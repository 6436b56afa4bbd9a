"""Segment (and RudderStack): `track` with `properties`, `identify` with `traits`, `alias`."""

from collections.abc import Callable, Mapping

from workers.records.vendors.parts import Object, as_object, plain


def call(body: Object) -> Object | None:
    """One call of the API, known by its `type`."""
    kind = body["type"]
    flatten = _CALLS.get(kind) if isinstance(kind, str) else None
    return None if flatten is None else flatten(body)


def _track(body: Object) -> Object:
    """`properties.value` and `revenue` are money, not a rating: only a review's rating becomes a value."""
    properties = as_object(body.get("properties"))
    return {
        **_sender(body),
        "event_type": body.get("event"),
        "session_id": properties.get("session_id"),
        "item_id": properties.get("product_id"),
        "items": properties.get("products"),
        "value": properties.get("rating"),
        "recommendation_id": properties.get("recommendation_id"),
    }


def _identify(body: Object) -> Object:
    """A guest who becomes a user; with one of the two ids only, what is known of that person."""
    both = body.get("userId") is not None and body.get("anonymousId") is not None
    traits = plain(as_object(body.get("traits")))
    return {**_sender(body), "event_type": "identify" if both else "profile", "attributes": traits}


def _alias(body: Object) -> Object:
    return {**_sender(body), "event_type": "identify", "anonymous_id": body.get("previousId")}


def _other(body: Object) -> Object:
    return {**_sender(body), "event_type": body["type"]}


def _sender(body: Object) -> Object:
    return {
        "event_id": body.get("messageId"),
        "user_id": body.get("userId"),
        "anonymous_id": body.get("anonymousId"),
        "event_time": body.get("timestamp") or body.get("sentAt"),
    }


_CALLS: Mapping[str, Callable[[Object], Object]] = {
    "track": _track,
    "identify": _identify,
    "alias": _alias,
    "page": _other,
    "screen": _other,
    "group": _other,
}
