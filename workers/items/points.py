"""What the index holds of an item: vectors and payload, made from its row."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from models.primitives.sparse import SparseVector
from models.primitives.text import ItemText, Vector, embed_item, unit
from models.primitives.words import word_row
from models.ranking.exploration import FEW_USERS
from models.retrieval.popular_lists import popularity_row
from models.retrieval.sources import labels
from workers.errors import BadRecordError
from workers.index.types import DenseSpec, Distance, FieldKind, Patch, Point, Schema
from workers.index.types import Vector as AnyVector
from workers.index.validate import MAX_PAYLOAD_BYTES
from workers.items.rows import ItemRow
from workers.items.slots import SLOTS
from workers.records.codes import Reason

EMBEDDING = "embedding"
TRANSITIONS = "transitions"
COOCCURRENCE = "cooccurrence"
BOUGHT = "bought"
POPULARITY = "popularity"
WORDS = "words"
COLLABORATIVE_SPACES = {slot: f"collaborative_{slot}" for slot in SLOTS}
"""Vectors: what the item is like, what came before it, what was liked or bought before it (`ItemState`), its
popularity lists (`popularity_row`), its words (`word_row`), what its users like besides, by slot (`Slots`)."""

COUNT = "count"
ORDER_SCORES = "order_scores"
DAY_SCORE = "day_score"
BUYERS = "buyers"
MEAN_RATING = "mean_rating"
LABELS = "labels"
REVISION = "revision"
WHOLE_REVISION = "whole_revision"
"""Payload of ours: users who touched the item, popularity per half-life in events and in days, users who bought
it, mean of its ratings in stars (absent without one), the categories under which it is popular, how far both
halves are applied, and how the half was made that only a write of the whole item brings (`whole_revision`)."""

LAYOUT_VERSION = 2
"""Goes up with what a point is made of: one of another version is written again, whatever evidence brought up to
date since. Patches leave vectors of the catalog as they are."""

COLLABORATIVE_DIM = 64
"""Dimensions of the learned vectors: 32 lose a tenth of the hits in some data, 128 win nothing."""

UNTOUCHED = 0.001
"""Popularity score of an item without events, below every other: an answer that would be short reaches it."""

AVAILABLE, PRICE, TITLE = "available", "price", "title"
"""Payload that ranking asks for."""

FILTERED = ("category", "tags", PRICE, AVAILABLE, "published_at", "attributes", MEAN_RATING)
"""Payload that filters check."""

DISPLAY_FIELDS = ("title", "category", "image_url", "url", "price")
"""Payload that answers show."""


class ItemPoints:
    """Points and patches of items in one deployment's schema; `dim` is the embedding's, the other the learned vectors'.

    A vector that comes with the item wins; without one, the item's text is hashed to as many dimensions.
    """

    def __init__(self, dim: int, collaborative_dim: int = COLLABORATIVE_DIM) -> None:
        self._dim = dim
        self._collaborative_dim = collaborative_dim
        learned = {space: DenseSpec(collaborative_dim, Distance.DOT) for space in COLLABORATIVE_SPACES.values()}
        self.schema = Schema(
            dense={EMBEDDING: DenseSpec(dim), **learned},
            sparse=(TRANSITIONS, COOCCURRENCE, BOUGHT, POPULARITY, WORDS),
            fields={
                "category": FieldKind.KEYWORD,
                "tags": FieldKind.KEYWORD,
                "price": FieldKind.FLOAT,
                "available": FieldKind.BOOL,
                "published_at": FieldKind.DATETIME,
                MEAN_RATING: FieldKind.FLOAT,
            },
        )

    def check(self, item_id: str, entry: Mapping[str, Any]) -> None:
        """Raise `BadRecordError` if the index would refuse an item with this valid catalog entry."""
        dim = len(entry.get("vector", ()))
        if dim not in (0, self._dim):
            raise BadRecordError(
                Reason.OUT_OF_RANGE,
                f"item {item_id!r}: vector has {dim} dimensions, this deployment has {self._dim} "
                "(setting TASTESTREAM_VECTOR_DIM)",
            )
        # Types and finite numbers are the record's own rules; only the sum of all fields has no bound there.
        size = len(orjson.dumps(_catalog_payload(entry, labels(entry.get("category"), entry.get("tags", ())))))
        if size > MAX_PAYLOAD_BYTES - _OWN_BYTES:
            raise BadRecordError(
                Reason.BAD_PAYLOAD,
                f"item {item_id!r}: title, tags, addresses and attributes have {size} bytes, at most "
                f"{MAX_PAYLOAD_BYTES - _OWN_BYTES}",
            )

    def point(self, item_id: str, row: ItemRow) -> Point:
        """The whole item; its row must have a catalog entry."""
        item = row.entry()
        vectors: dict[str, AnyVector] = {**_use_vectors(item_id, row), **self._learned(row)}
        vectors[WORDS] = self.words(item_id, item)
        embedding = self.embed(item)
        if embedding.any():
            vectors[EMBEDDING] = embedding
        used = {name: value for name, value in _use_payload(row).items() if value is not None}
        described = {**_catalog_payload(item, row.labels()), WHOLE_REVISION: whole_revision(row)}
        return Point(item_id, vectors, {**described, **used})

    def _learned(self, row: ItemRow) -> dict[str, AnyVector]:
        """Vectors by space; those of another dimension were learned before the setting was changed."""
        held = row.slots.vectors().items()
        return {COLLABORATIVE_SPACES[slot]: vector for slot, vector in held if len(vector) == self._collaborative_dim}

    def patch(self, item_id: str, row: ItemRow) -> Patch:
        """What evidence changes of an item."""
        return Patch(item_id, _use_vectors(item_id, row), _use_payload(row))

    def embed(self, item: dict[str, Any]) -> Vector:
        """float32 (dim,) of unit length, or zeros where nothing describes the item."""
        if len(item.get("vector", ())) == self._dim:
            return unit(np.array(item["vector"], dtype=np.float32))
        return embed_item(_text(item), self._dim)

    def words(self, item_id: str, item: dict[str, Any]) -> SparseVector:
        """What a keyword search finds the item by."""
        return word_row(item_id, _text(item))


def whole_revision(row: ItemRow) -> list[int]:
    """How a whole point of this row is made: equal here and in the index means that no patch can be missing of it."""
    return [LAYOUT_VERSION, *row.whole_revision()]


def filtered_by(row: ItemRow) -> dict[str, Any]:
    """The payload that filters check, as the index holds it, made from the item's row: `FILTERED`."""
    entry = row.entry()
    found = {name: entry[name] for name in FILTERED if entry.get(name) is not None}
    if "attributes" in found:
        found["attributes"] = {name: _comparable(value) for name, value in found["attributes"].items()}
    return {**found, AVAILABLE: int(entry.get(AVAILABLE, True)), MEAN_RATING: row.use.mean_rating}


def _text(item: dict[str, Any]) -> ItemText:
    return ItemText(
        title=item.get("title", ""),
        description=item.get("description", ""),
        category=item.get("category") or "",
        tags=tuple(item.get("tags", ())),
        attributes={name: str(value) for name, value in item.get("attributes", {}).items()},
    )


def _use_vectors(item_id: str, row: ItemRow) -> dict[str, AnyVector]:
    order_scores = [max(score, UNTOUCHED) for score in row.order_scores()]
    little_known = item_id if row.use.count < FEW_USERS else None
    popularity = popularity_row(order_scores, row.labels(), max(row.use.day_score(), UNTOUCHED), little_known)
    vectors: dict[str, AnyVector] = {
        TRANSITIONS: row.transition_row(),
        COOCCURRENCE: row.use.cooccurrence_row(),
        POPULARITY: popularity,
    }
    if row.use.buyers:
        vectors[BOUGHT] = row.use.bought_row()
    return vectors


def _catalog_payload(entry: Mapping[str, Any], named: Sequence[str]) -> dict[str, Any]:
    stored = {name: entry[name] for name in _STORED if entry.get(name) is not None}
    if "attributes" in stored:
        stored["attributes"] = {name: _comparable(value) for name, value in stored["attributes"].items()}
    return {**stored, "available": bool(entry.get("available", True)), LABELS: list(named)}


def _comparable(value: Any) -> Any:
    """Truth values are 0 and 1 in an index: filters ask for these."""
    if isinstance(value, list | tuple):
        return [_comparable(one) for one in value]
    return int(value) if isinstance(value, bool) else value


def _use_payload(row: ItemRow) -> dict[str, Any]:
    use = row.use
    return {
        COUNT: use.count,
        ORDER_SCORES: list(row.order_scores()),
        DAY_SCORE: use.day_score(),
        BUYERS: use.buyers,
        MEAN_RATING: use.mean_rating,
        REVISION: row.revision(),
    }


# Bytes of the payload that are ours: what use adds must not make an item too large that was taken before.
_OWN_BYTES = 1024
_STORED = ("title", "category", "tags", "price", "published_at", "image_url", "url", "attributes")
