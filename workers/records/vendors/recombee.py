"""Recombee: interactions as requests of its API, the way its batches hold them."""

from collections.abc import Mapping
from typing import Any

from workers.records.scale import RatingScale, Stars
from workers.records.vendors.parts import Object, as_object

_EVENTS: Mapping[str, str] = {
    "detailviews": "view",
    "purchases": "purchase",
    "ratings": "rating",
    "cartadditions": "add_to_cart",
    "bookmarks": "bookmark",
    "viewportions": "watch",
}
_SCALE = RatingScale(-1.0, 1.0, named_by="Recombee's API")


def interaction(body: Object) -> Object | None:
    """`path` and `params` of a request; a view of something recommended is a click."""
    path = body["path"]
    if not isinstance(path, str) or "params" not in body:
        return None
    params = as_object(body["params"])
    event = _EVENTS.get(path.strip("/")) if body.get("method", "POST") == "POST" else None
    value = _stars(params.get("rating")) if event == "rating" else params.get("portion")
    if event == "view" and params.get("recommId"):
        event = "click"
    return {**params, "event_type": event or path, "value": value}


def _stars(rating: Any) -> Any:
    """Recombee's ratings have a scale of its own, −1 to 1; raises `BadRecordError` outside it."""
    if isinstance(rating, bool) or not isinstance(rating, int | float):
        return rating
    return Stars(_SCALE.stars(rating))
