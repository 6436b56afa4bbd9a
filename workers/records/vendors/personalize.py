"""Amazon Personalize: PutEvents and PutItems; its data set rows are flat."""

from typing import Any

from workers.errors import BadRecordError
from workers.records.vendors.parts import Object, as_object, only
from workers.records.wire import parse_json


def put_events(body: Object) -> Object:
    """The call's body, with one event in its list."""
    return {**body, **only(body["eventList"])}


def impression(body: Object) -> Object | None:
    """An event that only lists what was shown."""
    return None if "itemId" in body else {**body, "items": body["impression"], "event_type": "impression"}


def put_item(body: Object) -> Object | None:
    """An item of PutItems, whose properties are JSON within a text."""
    if not isinstance(body["properties"], str):
        return None
    return {**_parsed(body["properties"]), "item_id": body.get("itemId")}


def _parsed(text: str) -> Any:
    try:
        return as_object(parse_json(text.encode()))
    except BadRecordError:
        return {}
