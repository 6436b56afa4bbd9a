"""Google Analytics 4: the export to BigQuery, a page's data layer, the measurement protocol."""

from typing import Any

from workers.records.vendors.parts import Object, as_list, as_object, only

MAX_PARAMS = 256  # that are looked at; GA4 takes 100 for an event
NOT_SET = "(not set)"  # exported for an item without an id


def export_row(body: Object) -> Object | None:
    """A row of the export: parameters as a list of keys and typed values, time in µs."""
    if "event_params" not in body and "params" not in body:
        return None
    params = _typed(body["event_params"]) if "event_params" in body else as_object(body["params"])
    return {
        **body,
        "session_id": body.get("session_id") or params.get("ga_session_id"),
        "item_id": body.get("item_id") or params.get("item_id"),
        "items": _with_ids(body.get("items") or params.get("items")),
    }


def data_layer(body: Object) -> Object:
    """What a page pushes: `event` beside `ecommerce.items`."""
    return {**body, "items": _with_ids(as_object(body["ecommerce"]).get("items"))}


def measurement(body: Object) -> Object:
    """The measurement protocol's body, with one event."""
    event = only(body["events"])
    params = as_object(event.get("params"))
    return {
        "event_type": event.get("name"),
        "event_time": event.get("timestamp_micros") or body.get("timestamp_micros"),
        "user_id": body.get("user_id"),
        "anonymous_id": body.get("client_id"),
        "session_id": params.get("session_id"),
        "items": _with_ids(params.get("items")),
    }


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
