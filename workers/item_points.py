"""What the index holds of an item: vectors and payload, made from its row."""

from typing import Any

import numpy as np
import orjson

from models.sources import popularity_row
from models.text import ItemText, Vector, embed_item, unit
from workers.errors import BadRecordError
from workers.index.types import DenseSpec, FieldKind, Patch, Point, Schema
from workers.index.types import Vector as AnyVector
from workers.index.validate import checked_point
from workers.records.codes import Reason
from workers.records.item import Item
from workers.rows import ItemRow

EMBEDDING = "embedding"
TRANSITIONS = "transitions"
COOCCURRENCE = "cooccurrence"
POPULARITY = "popularity"

COUNT = "count"
ORDER_SCORES = "order_scores"
LABELS = "labels"
REVISION = "revision"
"""Payload of ours: users who touched the item, popularity per half-life, the categories under which it is
popular, how far both halves are applied."""

UNTOUCHED = 0.001
"""Popularity score of an item without events, below every other: an answer that would be short reaches it."""

CARD = ("title", "category", "image_url", "url", "price")
"""Payload that answers show."""


class ItemPoints:
    """Points and patches of items in one deployment's schema; `dim` is that of the embedding.

    A vector that comes with the item wins; without one, the item's text is hashed to as many dimensions.
    """

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self.schema = Schema(
            dense={EMBEDDING: DenseSpec(dim)},
            sparse=(TRANSITIONS, COOCCURRENCE, POPULARITY),
            fields={
                "category": FieldKind.KEYWORD,
                "tags": FieldKind.KEYWORD,
                "price": FieldKind.FLOAT,
                "available": FieldKind.BOOL,
                "published_at": FieldKind.DATETIME,
            },
        )

    def check(self, item: Item) -> None:
        """Raise `BadRecordError` if the index would refuse this item."""
        if item.vector and len(item.vector) != self._dim:
            raise BadRecordError(
                Reason.OUT_OF_RANGE,
                f"item {item.item_id!r}: vector has {len(item.vector)} dimensions, this deployment has {self._dim} "
                "(setting TASTESTREAM_VECTOR_DIM)",
            )
        row = ItemRow()
        row.describe(catalog_bytes(item), offset=0)
        checked_point(self.schema, self.point(item.item_id, row))

    def point(self, item_id: str, row: ItemRow) -> Point:
        """The whole item; its row must have a catalog entry."""
        item = row.entry()
        vectors: dict[str, AnyVector] = dict(_use_vectors(row))
        embedding = self.embed(item)
        if embedding.any():
            vectors[EMBEDDING] = embedding
        payload = {
            **{name: item[name] for name in _STORED if item.get(name) is not None},
            "available": bool(item.get("available", True)),
            LABELS: row.labels(),
            **_use_payload(row),
        }
        return Point(item_id, vectors, payload)

    def patch(self, item_id: str, row: ItemRow) -> Patch:
        """What evidence changes of an item."""
        return Patch(item_id, _use_vectors(row), _use_payload(row))

    def embed(self, item: dict[str, Any]) -> Vector:
        """float32 (dim,) of unit length, or zeros where nothing describes the item."""
        if len(item.get("vector", ())) == self._dim:
            return unit(np.array(item["vector"], dtype=np.float32))
        text = ItemText(
            title=item.get("title", ""),
            description=item.get("description", ""),
            category=item.get("category") or "",
            tags=tuple(item.get("tags", ())),
            attributes={name: str(value) for name, value in item.get("attributes", {}).items()},
        )
        return embed_item(text, self._dim)


def catalog_bytes(item: Item) -> bytes:
    """The catalog entry as the row keeps it."""
    return orjson.dumps(item.model_dump(exclude_defaults=True))


def _use_vectors(row: ItemRow) -> dict[str, AnyVector]:
    return {
        TRANSITIONS: row.use.transition_row(),
        COOCCURRENCE: row.use.cooccurrence_row(),
        POPULARITY: popularity_row(_order_scores(row), row.labels()),
    }


def _order_scores(row: ItemRow) -> list[float]:
    return [max(score, UNTOUCHED) for score in row.order_scores()]


def _use_payload(row: ItemRow) -> dict[str, Any]:
    return {
        COUNT: row.use.count,
        ORDER_SCORES: list(row.order_scores()),
        REVISION: row.revision(),
    }


_STORED = ("title", "category", "tags", "price", "published_at", "image_url", "url", "attributes")
