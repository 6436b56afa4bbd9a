"""Our types in the words of Qdrant's gRPC messages and back; no I/O."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from qdrant_client import grpc
from qdrant_client.conversions.conversion import RestToGrpc, grpc_to_payload

from models.primitives.sparse import SparseVector
from workers.index.filters import All, AnyOf, Condition, Equals, ExcludeIds, Not, OnlyIds, Range, plain
from workers.index.point_ids import PointIds
from workers.index.types import Patch, Point, Query, Vector

ITEM_ID = "item_id"

Selector = bool | tuple[str, ...]


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


def server_changes(patches: Sequence[Patch], ids: PointIds[str]) -> list[grpc.PointsUpdateOperation]:
    """Changes in the order in which the server applies them: all vectors, then each payload.

    The server removes a key that is set to null, as the port asks.
    """
    operation = grpc.PointsUpdateOperation
    changed = [
        grpc.PointVectors(id=point_id(patch.item_id, ids), vectors=server_vectors(patch.vectors))
        for patch in patches
        if patch.vectors
    ]
    vectors = [operation(update_vectors=operation.UpdateVectors(points=changed))] if changed else []
    payloads = [
        operation(
            set_payload=operation.SetPayload(
                payload=RestToGrpc.convert_payload(dict(patch.payload)),
                points_selector=selector([patch.item_id], ids),
            )
        )
        for patch in patches
        if patch.payload
    ]
    return vectors + payloads


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
        with_payload=with_payload(query.payload),
        with_vectors=with_vectors(query.vectors),
    )


def with_payload(wanted: Selector) -> grpc.WithPayloadSelector:
    """What to return of payloads."""
    if isinstance(wanted, bool) or not wanted:
        return grpc.WithPayloadSelector(enable=bool(wanted))
    return grpc.WithPayloadSelector(include=grpc.PayloadIncludeSelector(fields=wanted))


def with_vectors(names: Sequence[str]) -> grpc.WithVectorsSelector:
    """Which vectors to return."""
    if not names:
        return grpc.WithVectorsSelector(enable=False)
    return grpc.WithVectorsSelector(include=grpc.VectorsSelector(names=names))


def our_payload(found: Any, wanted: Selector) -> dict[str, Any] | None:
    """The wanted part of a returned point's payload."""
    if wanted is False:
        return None
    payload = grpc_to_payload(found.payload)
    return payload if wanted is True else {key: payload[key] for key in wanted if key in payload}


def our_vectors(found: Any, names: Sequence[str]) -> dict[str, Vector] | None:
    """The named ones among a returned point's vectors, as float32 arrays and sparse vectors."""
    held = found.vectors.vectors.vectors
    return {name: _our_vector(held[name]) for name in names if name in held} if names else None


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
