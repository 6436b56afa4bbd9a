"""Our types in the words of Qdrant's gRPC messages and back; no I/O."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from qdrant_client import grpc
from qdrant_client.conversions.conversion import RestToGrpc, grpc_to_payload

from models.primitives.sparse import SparseVector
from workers.index.filters import All, AnyOf, Condition, Equals, ExcludeIds, Not, OnlyIds, Range, plain
from workers.index.point_ids import PointIds
from workers.index.types import Point, Query, Vector

ITEM_ID = "item_id"


def point_id(item_id: str, ids: PointIds[str]) -> grpc.PointId:
    """The point of an item."""
    return grpc.PointId(uuid=ids.point_id(item_id))


def selector(item_ids: Iterable[str], ids: PointIds[str]) -> grpc.PointsSelector:
    """These items' points."""
    return grpc.PointsSelector(points=grpc.PointsIdsList(ids=[point_id(item_id, ids) for item_id in item_ids]))


def server_point(point: Point, ids: PointIds[str]) -> grpc.PointStruct:
    """A whole point."""
    return grpc.PointStruct(
        id=point_id(point.item_id, ids),
        vectors=server_vectors(point.vectors),
        payload=RestToGrpc.convert_payload(dict(point.payload)),
    )


def server_vectors(vectors: Mapping[str, Vector]) -> grpc.Vectors:
    """Named vectors to store."""
    named = {name: _server_vector(vector) for name, vector in vectors.items()}
    return grpc.Vectors(vectors=grpc.NamedVectors(vectors=named))


def _server_vector(vector: Vector) -> grpc.Vector:
    if isinstance(vector, SparseVector):
        return grpc.Vector(sparse=_server_sparse(vector))
    return grpc.Vector(dense=grpc.DenseVector(data=vector.tolist()))


def _server_sparse(vector: SparseVector) -> grpc.SparseVector:
    return grpc.SparseVector(indices=vector.indices.tolist(), values=vector.values.tolist())


def server_query(collection: str, query: Query, where: grpc.Filter | None, limit: int) -> grpc.QueryPoints:
    """The search for the `limit` nearest points; `where` is the query's filter."""
    if isinstance(query.vector, SparseVector):
        vector = grpc.VectorInput(sparse=_server_sparse(query.vector))
    else:
        vector = grpc.VectorInput(dense=grpc.DenseVector(data=query.vector.tolist()))
    return grpc.QueryPoints(
        collection_name=collection,
        query=grpc.Query(nearest=vector),
        using=query.using,
        filter=where,
        limit=limit,
        with_payload=grpc.WithPayloadSelector(enable=False),
        with_vectors=grpc.WithVectorsSelector(enable=False),
    )


def only_fields(names: Sequence[str]) -> grpc.WithPayloadSelector:
    """Return these fields of payloads."""
    if not names:
        return grpc.WithPayloadSelector(enable=False)
    return grpc.WithPayloadSelector(include=grpc.PayloadIncludeSelector(fields=names))


def our_payload(found: Any) -> dict[str, Any]:
    """A returned point's payload."""
    payload: dict[str, Any] = grpc_to_payload(found.payload)
    return payload


def our_point(found: Any) -> Point:
    """A stored point, returned with its payload and all its vectors."""
    payload = our_payload(found)
    vectors = {name: _our_vector(vector) for name, vector in found.vectors.vectors.vectors.items()}
    return Point(payload[ITEM_ID], vectors, payload)


def _our_vector(vector: Any) -> Vector:
    if vector.HasField("dense"):
        return np.array(vector.dense.data, dtype=np.float32)
    return SparseVector(
        np.array(vector.sparse.indices, dtype=np.uint32), np.array(vector.sparse.values, dtype=np.float32)
    )


def server_filter(where: Sequence[Condition], ids: PointIds[str]) -> grpc.Filter | None:
    """Turn conditions that must all hold into a filter; None without any. O(ids), about 1 µs each."""
    return grpc.Filter(must=[_condition(condition, ids) for condition in where]) if where else None


def _condition(condition: Condition, ids: PointIds[str]) -> grpc.Condition:
    match condition:
        case Equals(field, value):
            return _field(field, match=_match(plain(value)))
        case AnyOf(field, values):
            return _field(field, match=_match_any([plain(value) for value in values]))
        case Range(field, gte, gt, lte, lt):
            return _field(field, range=grpc.Range(gte=gte, gt=gt, lte=lte, lt=lt))
        case OnlyIds(item_ids):
            return grpc.Condition(has_id=grpc.HasIdCondition(has_id=[point_id(i, ids) for i in item_ids]))
        case ExcludeIds(item_ids):
            return _not(OnlyIds(item_ids), ids)
        case Not(inner):
            return _not(inner, ids)
        case All(conditions):
            return grpc.Condition(filter=grpc.Filter(must=[_condition(inner, ids) for inner in conditions]))


def _not(condition: Condition, ids: PointIds[str]) -> grpc.Condition:
    return grpc.Condition(filter=grpc.Filter(must_not=[_condition(condition, ids)]))


def _field(key: str, **test: Any) -> grpc.Condition:
    return grpc.Condition(field=grpc.FieldCondition(key=key, **test))


def _match(value: str | int) -> grpc.Match:
    return grpc.Match(keyword=value) if isinstance(value, str) else grpc.Match(integer=value)


def _match_any(values: list[str | int]) -> grpc.Match:
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(values):
        return grpc.Match(keywords=grpc.RepeatedStrings(strings=texts))
    return grpc.Match(integers=grpc.RepeatedIntegers(integers=[value for value in values if isinstance(value, int)]))
