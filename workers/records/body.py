"""From a record's bytes to the fields of ours that it names, whatever shape it has."""

from typing import Any

from workers.records.aliases import INTERACTION_FIELDS, ITEM_FIELDS
from workers.records.cloud_events import Headers, opened
from workers.records.mapping import AS_THEY_ARE, Mapping
from workers.records.vendors.shapes import EVENT_SHAPES, ITEM_SHAPES, flattened
from workers.records.wire import nulls, rename

Fields = dict[str, Any]


def event_fields(value: bytes | None, headers: Headers = (), mapping: Mapping = AS_THEY_ARE) -> Fields:
    """Fields of a record of `user-interactions`; an envelope's fill in only what the body leaves open.

    A body with our own `event_type` is taken as it is: that is the fast path.
    """
    body, envelope = opened(value, headers)
    flat = body if "event_type" in body else flattened(body, EVENT_SHAPES)
    fields = rename(flat, INTERACTION_FIELDS)
    if envelope:
        fields = {**envelope, **fields}
    if mapping.paths or mapping.events:
        mapping.apply(body, fields)
    return fields


def item_fields(
    value: bytes | None, headers: Headers = (), mapping: Mapping = AS_THEY_ARE
) -> tuple[Fields, frozenset[str]]:
    """Fields of a record of `item-catalog`, and the names of those that are null.

    In another system's shape nothing counts as null: most leave out what they don't know in that way.
    """
    body, _ = opened(value, headers)
    flat = body if "item_id" in body else flattened(body, ITEM_SHAPES)
    fields = rename(flat, ITEM_FIELDS)
    if mapping.paths:
        mapping.apply(body, fields)
    cleared = nulls(body, ITEM_FIELDS) - fields.keys() if flat is body else frozenset()
    return fields, cleared
