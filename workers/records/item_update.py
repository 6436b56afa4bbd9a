"""A change of some fields of an item, as published on `item-catalog` (after RFC 7386, JSON Merge Patch)."""

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Any

from workers.errors import BadRecordError
from workers.records.body import item_fields
from workers.records.cloud_events import Headers
from workers.records.codes import Reason
from workers.records.fields import MAX_ATTRIBUTES
from workers.records.item import Item, ItemDeleted, deleted_item, is_partial, item_of
from workers.records.mapping import AS_THEY_ARE, Mapping


@dataclass(frozen=True, slots=True)
class ItemUpdate:
    """Fields of an item to set and to clear; others stay. Attributes are merged one by one, None removes one."""

    item_id: str
    changes: Table[str, Any] = field(default_factory=dict)
    attributes: Table[str, Any] = field(default_factory=dict)
    cleared: frozenset[str] = frozenset()

    def applied_to(self, entry: Table[str, Any]) -> dict[str, Any]:
        """The catalog entry after the change; `entry` has our field names, is empty for an unknown item.

        Doing it twice is doing it once. Raises `BadRecordError` where the attributes become too many.

        >>> ItemUpdate("i1", {"price": 9.5}, {"colour": None}, frozenset({"tags"})).applied_to(
        ...     {"item_id": "i1", "price": 8.0, "tags": ["a"], "attributes": {"colour": "red", "size": 4}})
        {'item_id': 'i1', 'price': 9.5, 'attributes': {'size': 4}}
        """
        kept = {name: content for name, content in entry.items() if name not in self.cleared}
        merged = {**kept.get("attributes", {}), **self.attributes}
        attributes = {name: content for name, content in merged.items() if content is not None}
        if len(attributes) > MAX_ATTRIBUTES:
            raise BadRecordError(
                Reason.TOO_LARGE, f"item {self.item_id!r} would have {len(attributes)} attributes, at most 256"
            )
        return {**kept, "item_id": self.item_id, **self.changes, "attributes": attributes}


ItemEvent = Item | ItemUpdate | ItemDeleted


def decode_item_event(
    value: bytes | None, key: bytes | None, headers: Headers = (), mapping: Mapping = AS_THEY_ARE
) -> ItemEvent:
    """The item, a change of some of its fields, or its deletion; raises `BadRecordError`.

    A change says so with the header `tastestream-update: partial` or the field `"update": "partial"`.
    """
    if value is None:
        return deleted_item(key)
    fields, cleared = item_fields(value, headers, mapping)
    if is_partial(fields, headers):
        return _update_of(fields, cleared, key)
    return item_of(fields, key)


def _update_of(fields: dict[str, Any], cleared: frozenset[str], key: bytes | None) -> ItemUpdate:
    given = fields.get("attributes")
    removed = [name for name, content in given.items() if content is None] if isinstance(given, dict) else []
    item = item_of(fields, key)
    changes = {name: getattr(item, name) for name in item.model_fields_set - {"item_id", "attributes"}}
    attributes = {**item.attributes, **dict.fromkeys(removed)}
    return ItemUpdate(item.item_id, changes, attributes, cleared & (Item.model_fields.keys() - {"item_id"}))
