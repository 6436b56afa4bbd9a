"""What the index holds of an item: what searches find it by, and what they filter by, made from its row."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from models.primitives.sparse import SparseVector
from models.primitives.text import ItemText, Vector, embed_item, unit
from models.primitives.words import word_row
from workers.errors import BadRecordError
from workers.index.types import DenseSpec, Distance, FieldKind, Point, Schema
from workers.index.types import Vector as AnyVector
from workers.index.validate import MAX_PAYLOAD_BYTES
from workers.items.rows import ItemRow
from workers.items.slots import SLOTS
from workers.records.codes import Reason

EMBEDDING = "embedding"
WORDS = "words"
COLLABORATIVE_SPACES = {slot: f"collaborative_{slot}" for slot in SLOTS}
"""Vectors: what the item is like, its words (`word_row`), what its users like besides, by slot (`Slots`)."""

REVISION = "revision"
"""Payload of ours, beside what filters ask for: how the point was made (`revision_of`)."""

LAYOUT_VERSION = 3
"""Goes up with what a point is made of: one of another version is written again."""

COLLABORATIVE_DIM = 64
"""Dimensions of the learned vectors: 32 lose a tenth of the hits in some data, 128 win nothing."""


class ItemPoints:
    """Points of items in one deployment's schema; `dim` is the embedding's, the other the learned vectors'.

    A vector that comes with the item wins; without one, the item's text is hashed to as many dimensions.
    """

    def __init__(self, dim: int, collaborative_dim: int = COLLABORATIVE_DIM) -> None:
        self._dim = dim
        self._collaborative_dim = collaborative_dim
        learned = {space: DenseSpec(collaborative_dim, Distance.DOT) for space in COLLABORATIVE_SPACES.values()}
        self.schema = Schema(
            dense={EMBEDDING: DenseSpec(dim), **learned},
            sparse=(WORDS,),
            fields={
                "category": FieldKind.KEYWORD,
                "tags": FieldKind.KEYWORD,
                "price": FieldKind.FLOAT,
                "available": FieldKind.BOOL,
                "published_at": FieldKind.DATETIME,
            },
        )

    def check(self, item_id: str, entry: Mapping[str, Any]) -> None:
        """Raise `BadRecordError` for a valid catalog entry that this deployment can't hold."""
        dim = len(entry.get("vector", ()))
        if dim not in (0, self._dim):
            raise BadRecordError(
                Reason.OUT_OF_RANGE,
                f"item {item_id!r}: vector has {dim} dimensions, this deployment has {self._dim} "
                "(setting TASTESTREAM_VECTOR_DIM)",
            )
        # Types and finite numbers are the record's own rules; only the sum of all fields has no bound there.
        size = len(orjson.dumps({name: entry[name] for name in _BOUNDED if name in entry}))
        if size > MAX_PAYLOAD_BYTES - _OWN_BYTES:
            raise BadRecordError(
                Reason.BAD_PAYLOAD,
                f"item {item_id!r}: title, tags, addresses and attributes have {size} bytes, at most "
                f"{MAX_PAYLOAD_BYTES - _OWN_BYTES}",
            )

    def point(self, item_id: str, row: ItemRow, embedding: Vector | None) -> Point:
        """The whole item; its row must have a catalog entry. `embedding`: as `embed` makes it of the entry."""
        item = row.entry()
        vectors: dict[str, AnyVector] = {**self._learned(row), WORDS: self.words(item_id, item)}
        if embedding is not None and embedding.any():
            vectors[EMBEDDING] = embedding
        return Point(item_id, vectors, {**_filtered_by(item), REVISION: revision_of(row)})

    def embed(self, item: dict[str, Any]) -> Vector:
        """float32 (dim,) of unit length, or zeros where nothing describes the item."""
        if len(item.get("vector", ())) == self._dim:
            return unit(np.array(item["vector"], dtype=np.float32))
        return embed_item(_text(item), self._dim)

    def words(self, item_id: str, item: dict[str, Any]) -> SparseVector:
        """What a keyword search finds the item by."""
        return word_row(item_id, _text(item))

    def _learned(self, row: ItemRow) -> dict[str, AnyVector]:
        """Vectors by space; those of another dimension were learned before the setting was changed."""
        held = row.slots.vectors().items()
        return {COLLABORATIVE_SPACES[slot]: vector for slot, vector in held if len(vector) == self._collaborative_dim}


def revision_of(row: ItemRow) -> str:
    """How a point of this row is made: equal here and in the index means that the index is up to date.

    As text: Edge and gRPC take twice as long for a list of numbers.
    """
    return ":".join(map(str, (LAYOUT_VERSION, *row.revision())))


def _text(item: dict[str, Any]) -> ItemText:
    return ItemText(
        title=item.get("title", ""),
        description=item.get("description", ""),
        category=item.get("category") or "",
        tags=tuple(item.get("tags", ())),
        attributes={name: str(value) for name, value in item.get("attributes", {}).items()},
    )


def _filtered_by(entry: Mapping[str, Any]) -> dict[str, Any]:
    stored = {name: entry[name] for name in _STORED if entry.get(name) is not None}
    if "attributes" in stored:
        stored["attributes"] = {name: _comparable(value) for name, value in stored["attributes"].items()}
    return {**stored, "available": bool(entry.get("available", True))}


def _comparable(value: Any) -> Any:
    """Truth values are 0 and 1 in an index: filters ask for these."""
    if isinstance(value, list | tuple):
        return [_comparable(one) for one in value]
    return int(value) if isinstance(value, bool) else value


_STORED = ("category", "tags", "price", "published_at", "attributes")
_BOUNDED = (*_STORED, "available", "title", "image_url", "url")
# Bytes of a point's payload that are ours.
_OWN_BYTES = 1024
