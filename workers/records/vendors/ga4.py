"""Google Analytics 4: the export to BigQuery, a page's data layer, the measurement protocol."""

from typing import Any

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.vendors.parts import Object, as_list, as_object, only

MAX_PARAMS = 256  # that are read; GA4 takes 100 for an event
NOT_SET = "(not set)"  # exported for an item without an id
ALSO_OF_PAGES = ("click", "share")
"""Events that GA4 sends of links and pages, too: then they name no item."""


def export_row(body: Object) -> Object | None:
    """A row of the export: parameters as a list of keys and typed values, time in µs."""
    if "event_params" not in body and "params" not in body:
        return None
    params = _typed(body["event_params"]) if "event_params" in body else as_object(body["params"])
    flat = {
        **body,
        "session_id": body.get("session_id") or params.get("ga_session_id"),
        "item_id": body.get("item_id") or _item_of(params),
        "items": _with_ids(body.get("items") or params.get("items")),
    }
    return _of_an_item(flat, body.get("event_name"))


def data_layer(body: Object) -> Object:
    """What a page pushes: `event` beside `ecommerce.items`."""
    flat = {**body, "items": _with_ids(as_object(body["ecommerce"]).get("items"))}
    return _of_an_item(flat, body.get("event"))


def measurement(body: Object) -> Object:
    """The measurement protocol's body, with one event."""
    event = only(body["events"])
    params = as_object(event.get("params"))
    flat = {
        "event_type": event.get("name"),
        "event_time": event.get("timestamp_micros") or body.get("timestamp_micros"),
        "user_id": body.get("user_id"),
        "anonymous_id": body.get("client_id"),
        "session_id": params.get("session_id"),
        "item_id": _item_of(params),
        "items": _with_ids(params.get("items")),
    }
    return _of_an_item(flat, event.get("name"))


def _item_of(params: Object) -> Any:
    """`share` names an item, `select_content` a content."""
    return params.get("item_id") or params.get("content_id")


def _of_an_item(flat: Object, name: Any) -> Object:
    if name in ALSO_OF_PAGES and not flat.get("items") and not flat.get("item_id"):
        raise BadRecordError(Reason.IRRELEVANT_EVENT, f"GA4's {name} without an item is about a page")
    return flat


def _typed(given: Any) -> Object:
    """[{"key": "ga_session_id", "value": {"int_value": 7}}] → {"ga_session_id": 7}."""
    params: Object = {}
    for param in map(as_object, as_list(given)[:MAX_PARAMS]):
        content = param.get("value")
        if isinstance(content, dict):
            content = next((typed for typed in content.values() if typed is not None), None)
        if isinstance(param.get("key"), str):
            params[param["key"]] = content
    return params


def _with_ids(items: Any) -> Any:
    if not isinstance(items, list):
        return items
    return [item for item in items if as_object(item).get("item_id") != NOT_SET]
