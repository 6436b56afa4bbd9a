"""An item of the catalog, as published on `item-catalog`; a null value deletes it."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, FailFast, Field
from pydantic_core import PydanticCustomError

from workers.errors import BadRecordError
from workers.records.aliases import ITEM_FIELDS
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
from workers.records.wire import key_text, parse_object, rename, validated

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


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """A tombstone: the item must vanish from every answer."""

    item_id: str


def decode_item(value: bytes | None, key: bytes | None) -> Item | ItemDeleted:
    """The item or its deletion; the key is the id where the body has none; raises `BadRecordError`."""
    if value is None:
        return ItemDeleted(_deleted_id(key))
    fields = rename(parse_object(value), ITEM_FIELDS)
    if "item_id" not in fields and (text := key_text(key)):
        fields["item_id"] = text
    return validated(Item, fields)


def _deleted_id(key: bytes | None) -> str:
    text = key_text(key)
    if text is None:
        raise BadRecordError(Reason.MISSING_FIELD, "a deletion needs the item's id as its key, in UTF-8")
    try:
        return identifier(text)
    except PydanticCustomError as error:
        raise BadRecordError(error.type, f"deletion of an item: {error.message()}") from None
