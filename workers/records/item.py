"""An item of the catalog, as published on `item-catalog`; a null value deletes it."""

from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, FailFast, Field
from pydantic_core import PydanticCustomError

from workers.errors import BadRecordError
from workers.records.body import Fields
from workers.records.cloud_events import Headers
from workers.records.codes import Reason
from workers.records.fields import (
    Attributes,
    Id,
    Label,
    Price,
    PublicationTime,
    Tags,
    Text,
    WebAddress,
    WireModel,
    identifier,
)
from workers.records.headers import header_text
from workers.records.wire import key_text, validated

UPDATE_HEADER = "tastestream-update"
PARTIAL, WHOLE = "partial", "whole"
MAX_DIMENSIONS = 4096
MAX_COMPONENT = 1e6  # squares of larger ones could leave float32 when the index takes lengths


def _has_direction(vector: tuple[float, ...]) -> tuple[float, ...]:
    if max(map(abs, vector), default=0.0) < 1 / MAX_COMPONENT:
        raise PydanticCustomError(Reason.OUT_OF_RANGE, "a vector needs a component that is not zero")
    return vector


Component = Annotated[float, Field(strict=True, ge=-MAX_COMPONENT, le=MAX_COMPONENT, allow_inf_nan=False)]
Vector = Annotated[
    tuple[Component, ...],
    FailFast(),
    Field(max_length=MAX_DIMENSIONS),
    AfterValidator(_has_direction),
]


class Item(WireModel):
    """What can be recommended; `vector` is the client's own embedding, if any; `published_at` is epoch ms."""

    item_id: Id
    title: Text = ""
    description: Text = ""
    image_url: WebAddress = ""
    url: WebAddress = ""
    category: Label | None = None
    tags: Tags = ()
    price: Price | None = None
    available: bool = True
    published_at: PublicationTime | None = None
    vector: Vector = ()
    attributes: Attributes = Field(default_factory=dict)


_DEFAULTS: Table[str, Any] = {
    name: field.get_default(call_default_factory=True) for name, field in Item.model_fields.items()
}


def entry_of(item: Item) -> dict[str, Any]:
    """The catalog entry of an item: its fields by name, in one order, without those that have their default."""
    return plain_entry(item.__dict__)


def plain_entry(fields: Table[str, Any]) -> dict[str, Any]:
    """The same of valid fields that come in any order, defaults included.

    >>> plain_entry({"title": "", "price": 9.5, "available": True, "item_id": "i1"})
    {'item_id': 'i1', 'price': 9.5}
    """
    found = {name: fields[name] for name in _DEFAULTS if fields.get(name) is not None}
    return {name: content for name, content in found.items() if content != _DEFAULTS[name]}


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """A tombstone: the item must vanish from every answer."""

    item_id: str


def is_partial(fields: Table[str, Any], headers: Headers) -> bool:
    """Whether the record changes an item only in part; the header wins over the field."""
    said = header_text(headers, UPDATE_HEADER) if headers else None
    said = fields.get("update", WHOLE) if said is None else said
    if said not in (PARTIAL, WHOLE):
        raise BadRecordError(Reason.OUT_OF_RANGE, "update must be partial or whole")
    return bool(said == PARTIAL)


def item_of(fields: Fields, key: bytes | None) -> Item:
    """The item that these fields describe; the key is the id where they have none."""
    if "item_id" not in fields and (text := key_text(key)):
        fields["item_id"] = text
    return validated(Item, fields)


def deleted_item(key: bytes | None) -> ItemDeleted:
    """The deletion of the key's item; raises `BadRecordError` where it has none."""
    text = key_text(key)
    if text is None:
        raise BadRecordError(Reason.MISSING_FIELD, "a deletion needs the item's id as its key, in UTF-8")
    try:
        return ItemDeleted(identifier(text))
    except PydanticCustomError as error:
        raise BadRecordError(error.type, f"deletion of an item: {error.message()}") from None
