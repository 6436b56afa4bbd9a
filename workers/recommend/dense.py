"""What a request means as vectors: taste, the middle of items, or the words of a text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.primitives.text import Rarity, Vector, embed_query, unit
from models.retrieval.sources import CONTENT, COOCCURRENCE_DECAY, TASTE, TEXT
from workers.index.port import Lookup
from workers.items.vectors import ItemVectors
from workers.recommend.context import QueryContext


class Near(NamedTuple):
    """A search for items that the same users like: the space, and float32 (dim,) of any length."""

    space: str
    vector: Vector


async def near_query(context: QueryContext, index: Lookup, space: str | None) -> Near | None:
    """The sum of the learned vectors of the items asked about; None where none of them has one in `space`."""
    if space is None or context.request.kind != "similar_items":
        return None
    held = await index.get(context.request.item_ids, payload=False, vectors=(space,))
    found = [vector for record in held.values() if isinstance(vector := (record.vectors or {}).get(space), np.ndarray)]
    total: Vector = np.array(found, dtype=np.float32).sum(axis=0)
    return Near(space, total) if total.any() else None


async def dense_queries(context: QueryContext, vectors: ItemVectors, rarity: Rarity) -> dict[str, Vector]:
    """Dense queries by source, float32 (dim,) of unit length; one that says nothing is left out."""
    found = await _directions(context, vectors, rarity.dim)
    return {
        source: rarity.turn(vector)
        for source, vector in found.items()
        if vector is not None and len(vector) == rarity.dim and vector.any()
    }


async def _directions(context: QueryContext, vectors: ItemVectors, dim: int) -> dict[str, Vector | None]:
    request = context.request
    match request.kind:
        case "similar_items":
            return {CONTENT: await _middle(request.item_ids, vectors, decay=1.0)}
        case "session":
            return {TASTE: await _middle(context.recent_ids, vectors, COOCCURRENCE_DECAY)}
        case "search":
            return {TEXT: embed_query(request.text, dim), TASTE: _taste(context)}
        case "for_user":
            return {TASTE: _taste(context)}
    return {}


def _taste(context: QueryContext) -> Vector | None:
    return context.user.taste.direction() if context.recent and context.user else None


async def _middle(item_ids: Sequence[str], vectors: ItemVectors, decay: float) -> Vector | None:
    """Σ decay^place · vector over the items that have one, at length 1."""
    known = await vectors.of(item_ids)
    parts = [
        known[item_id] * np.float32(decay**position) for position, item_id in enumerate(item_ids) if item_id in known
    ]
    return unit(np.sum(parts, axis=0, dtype=np.float32)) if parts else None
