"""Our types in Qdrant Edge's words and back; no I/O."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from models.primitives.sparse import SparseVector
from workers.index.filters import All, AnyOf, Condition, Equals, ExcludeIds, Not, OnlyIds, Range, plain
from workers.index.point_ids import PointIds
from workers.index.types import Distance, FieldKind, Point, Schema, Vector

_DISTANCES = {Distance.COSINE: edge.Distance.Cosine, Distance.DOT: edge.Distance.Dot}
_FIELD_TYPES = {
    FieldKind.KEYWORD: edge.PayloadSchemaType.Keyword,
    FieldKind.FLOAT: edge.PayloadSchemaType.Float,
    FieldKind.INTEGER: edge.PayloadSchemaType.Integer,
    FieldKind.BOOL: edge.PayloadSchemaType.Integer,
    FieldKind.DATETIME: edge.PayloadSchemaType.Integer,
}


def edge_config(schema: Schema) -> Any:
    """Describe the shard's vectors."""
    dense = {
        name: edge.EdgeVectorParams(size=spec.dim, distance=_DISTANCES[spec.distance])
        for name, spec in schema.dense.items()
    }
    sparse = {name: edge.EdgeSparseVectorParams() for name in schema.sparse}
    return edge.EdgeConfig(vectors=dense, sparse_vectors=sparse, wal_enabled=True)


def field_indexes(schema: Schema) -> list[Any]:
    """List the operations that index the payload fields."""
    return [edge.UpdateOperation.create_field_index(name, _FIELD_TYPES[kind]) for name, kind in schema.fields.items()]


def edge_point(point: Point, ids: PointIds[UUID]) -> Any:
    """A whole point."""
    return edge.Point(ids.point_id(point.item_id), edge_vectors(point.vectors), dict(point.payload))


def edge_vectors(vectors: Mapping[str, Vector]) -> dict[str, Any]:
    """Vectors to store or to search for, as lists: Edge reads an array number by number, which takes twice as long."""
    return {
        name: edge.SparseVector(vector.indices.tolist(), vector.values.tolist())
        if isinstance(vector, SparseVector)
        else vector.tolist()
        for name, vector in vectors.items()
    }


def our_point(found: Any) -> Point:
    """A stored point, read with its payload and all its vectors."""
    vectors = {name: _our_vector(vector) for name, vector in (found.vector or {}).items()}
    return Point(found.payload["item_id"], vectors, found.payload)


def _our_vector(vector: Any) -> Vector:
    if isinstance(vector, list):
        return np.array(vector, dtype=np.float32)
    return SparseVector(np.array(vector.indices, dtype=np.uint32), np.array(vector.values, dtype=np.float32))


def edge_filter(where: Sequence[Condition], ids: PointIds[UUID]) -> Any:
    """Turn conditions that must all hold into a filter; None without any. O(ids), about 1 µs each."""
    return edge.Filter(must=[_condition(condition, ids) for condition in where]) if where else None


def _condition(condition: Condition, ids: PointIds[UUID]) -> Any:
    match condition:
        case Equals(field, value):
            return edge.FieldCondition(field, match=edge.MatchValue(plain(value)))
        case AnyOf(field, values):
            wanted: Any = [plain(value) for value in values]
            return edge.FieldCondition(field, match=edge.MatchAny(wanted))
        case Range(field, gte, gt, lte, lt):
            return edge.FieldCondition(field, range=edge.RangeFloat(gte=gte, gt=gt, lte=lte, lt=lt))
        case OnlyIds(item_ids):
            return edge.HasIdCondition({ids.point_id(item_id) for item_id in item_ids})
        case ExcludeIds(item_ids):
            return edge.Filter(must_not=[_condition(OnlyIds(item_ids), ids)])
        case Not(inner):
            return edge.Filter(must_not=[_condition(inner, ids)])
        case All(conditions):
            return edge.Filter(must=[_condition(inner, ids) for inner in conditions])
