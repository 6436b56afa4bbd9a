"""Checks before anything reaches an index: one bad vector can rank first for all, or close Edge for ever."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from models.primitives.sparse import SparseVector
from workers.errors import BadRecordError
from workers.index.filters import All, AnyOf, Condition, Equals, ExcludeIds, Not, OnlyIds, Range
from workers.index.types import (
    DenseSpec,
    Distance,
    FieldKind,
    Floats,
    Payload,
    Point,
    Query,
    Schema,
    Vector,
)

MAX_ID_BYTES = 512
MAX_SPARSE_ENTRIES = 4096
"""Rows of words hold 600 at most; far above, one row alone would hold the event loop for milliseconds."""
MAX_PAYLOAD_BYTES = 65_536
MAX_PAYLOAD_DEPTH = 16
"""Edge writes payloads nested deeper than about 125 to its log and can never read them back."""
MAX_ABS_VALUE = 1e15
"""Products of two such values over 65,536 dimensions stay below float32's limit, so scores stay finite."""
MAX_LIMIT = 10_000
MAX_IDS = 10_000
MAX_CONDITION_DEPTH = 8

_FIELD = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_INTEGERS = range(-(2**63), 2**63)
_LARGEST_BOUND = 1e300


def checked_point(schema: Schema, point: Point) -> Point:
    """Return the point in the form to store (unit cosine vectors, bools as 0/1, item_id in the payload)."""
    checked_id(point.item_id)
    payload = {**_payload(schema, point.item_id, point.payload), "item_id": point.item_id}
    return Point(point.item_id, _vectors(schema, point.item_id, point.vectors), payload)


def checked_queries(schema: Schema, queries: Sequence[Query]) -> list[Query]:
    """Return the queries with their vectors in the form that stored ones have."""
    for where in {id(query.where): query.where for query in queries}.values():  # mostly one, with many ids
        for condition in where:
            _check_condition(condition)
    return [_checked_query(schema, query) for query in queries]


def _checked_query(schema: Schema, query: Query) -> Query:
    if not 1 <= query.limit <= MAX_LIMIT:
        raise BadRecordError("bad_query", f"query on {query.using!r}: limit {query.limit} is not in 1..{MAX_LIMIT}")
    vector = _vector(schema, "query", query.using, query.vector)
    return Query(query.using, vector, query.limit, query.where)


def checked_id(item_id: str) -> str:
    """Return a usable id: text, not empty, valid UTF-8 of at most 512 bytes."""
    if not isinstance(item_id, str) or not item_id:
        raise BadRecordError("bad_id", f"item id {item_id!r} is not a text with at least one character")
    try:
        size = len(item_id.encode())
    except UnicodeEncodeError:
        raise BadRecordError("bad_id", f"item id {item_id!r} can't be written as UTF-8") from None
    if size > MAX_ID_BYTES:
        raise BadRecordError("bad_id", f"item id {item_id[:40]!r}… has {size} bytes, more than {MAX_ID_BYTES}")
    return item_id


def _vectors(schema: Schema, item_id: str, vectors: Mapping[str, Vector]) -> dict[str, Vector]:
    return {name: _vector(schema, item_id, name, vector) for name, vector in vectors.items()}


def _vector(schema: Schema, item_id: str, name: str, vector: Vector) -> Vector:
    where = f"item {item_id!r}, vector {name!r}"
    spec = schema.dense.get(name)
    if spec is not None:
        return _dense(spec, where, vector)
    if name in schema.sparse:
        return _sparse(where, vector)
    raise BadRecordError("bad_vector", f"{where}: the index has no vector of this name")


def _dense(spec: DenseSpec, where: str, vector: Vector) -> Floats:
    if not isinstance(vector, np.ndarray) or vector.dtype != np.float32 or vector.shape != (spec.dim,):
        raise BadRecordError("bad_vector", f"{where}: not a float32 array of shape ({spec.dim},)")
    _check_values(where, vector)
    return _unit(vector) if spec.distance is Distance.COSINE else vector


def _sparse(where: str, vector: Vector) -> SparseVector:
    if not isinstance(vector, SparseVector):
        raise BadRecordError("bad_vector", f"{where}: not a SparseVector")
    indices, values = vector.indices, vector.values
    if indices.dtype != np.uint32 or values.dtype != np.float32:
        raise BadRecordError("bad_vector", f"{where}: indices are not uint32 or values not float32")
    if indices.ndim != 1 or indices.shape != values.shape:
        raise BadRecordError("bad_vector", f"{where}: {indices.shape} indices but {values.shape} values")
    if len(indices) > MAX_SPARSE_ENTRIES:
        raise BadRecordError("bad_vector", f"{where}: {len(indices)} entries, more than {MAX_SPARSE_ENTRIES}")
    if (indices[1:] <= indices[:-1]).any():
        raise BadRecordError("bad_vector", f"{where}: indices are not sorted and unique")
    _check_values(where, values)
    return vector


def _check_values(where: str, values: Floats) -> None:
    # One pass finds NaN (equals nothing, so `<=` is false), infinities and values whose products overflow.
    if not np.abs(values).max(initial=0.0) <= MAX_ABS_VALUE:
        raise BadRecordError("bad_vector", f"{where}: a value is not finite or beyond {MAX_ABS_VALUE:g}")


def _unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return vector if length == 0.0 else (vector / length).astype(np.float32)


def _payload(schema: Schema, item_id: str, payload: Payload) -> dict[str, Any]:
    where = f"item {item_id!r}, payload"
    _check_json(where, payload, 0)
    try:
        size = len(orjson.dumps(payload))
    except orjson.JSONEncodeError as error:
        raise BadRecordError("bad_payload", f"{where}: not JSON: {error}") from None
    if size > MAX_PAYLOAD_BYTES:
        raise BadRecordError("bad_payload", f"{where}: {size} bytes, more than {MAX_PAYLOAD_BYTES}")
    if payload.get("item_id", item_id) != item_id:
        raise BadRecordError("bad_payload", f"{where}: item_id is {payload['item_id']!r}, which is another item")
    return {key: _field(where, key, schema.fields.get(key), value) for key, value in payload.items()}


def _check_json(where: str, value: Any, depth: int) -> None:
    if depth > MAX_PAYLOAD_DEPTH:
        raise BadRecordError("bad_payload", f"{where}: nested deeper than {MAX_PAYLOAD_DEPTH}")
    match value:
        case str() | bool() | int() | None:
            return
        case float() if math.isfinite(value):
            return
        case dict():
            for inner in value.values():
                _check_json(where, inner, depth + 1)
        case list():
            for inner in value:
                _check_json(where, inner, depth + 1)
        case _:
            raise BadRecordError("bad_payload", f"{where}: {value!r} has no form in JSON")


def _field(where: str, key: str, kind: FieldKind | None, value: Any) -> Any:
    if kind is None or value is None:
        return value
    if isinstance(value, list):
        return [_field(where, key, kind, inner) for inner in value]
    match kind:
        case FieldKind.BOOL if isinstance(value, bool) or value in (0, 1):
            return int(value)
        case FieldKind.KEYWORD if isinstance(value, str):
            return value
        case FieldKind.FLOAT if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        case FieldKind.INTEGER | FieldKind.DATETIME if type(value) is int and value in _INTEGERS:
            return value
    raise BadRecordError("bad_payload", f"{where}: {key!r} is {value!r}, not of type {kind.value}")


def _check_condition(condition: Condition, depth: int = 0) -> None:
    if depth > MAX_CONDITION_DEPTH:
        raise BadRecordError("bad_query", f"filter: conditions nested deeper than {MAX_CONDITION_DEPTH}")
    match condition:
        case Not(inner):
            _check_condition(inner, depth + 1)
        case All(conditions):
            for inner in conditions:
                _check_condition(inner, depth + 1)
        case ExcludeIds(item_ids) | OnlyIds(item_ids):
            _check_ids(item_ids)
        case Equals(field, value):
            _check_match(field, (value,))
        case AnyOf(field, values):
            _check_match(field, values)
        case Range(field, gte, gt, lte, lt):
            _check_field(field)
            if not all(bound is None or abs(bound) <= _LARGEST_BOUND for bound in (gte, gt, lte, lt)):
                raise BadRecordError("bad_query", f"filter on {field!r}: a bound of the range is not finite")


def _check_ids(item_ids: frozenset[str]) -> None:
    if len(item_ids) > MAX_IDS:
        raise BadRecordError("bad_query", f"filter: {len(item_ids)} item ids, more than {MAX_IDS}")
    for item_id in item_ids:
        checked_id(item_id)


def _check_match(field: str, values: tuple[Any, ...]) -> None:
    _check_field(field)
    texts = sum(isinstance(value, str) for value in values)
    numbers = sum(isinstance(value, int) and value in _INTEGERS for value in values)
    if len(values) not in (texts, numbers):
        raise BadRecordError("bad_query", f"filter on {field!r}: values are not all texts or all 64-bit integers")


def _check_field(field: str) -> None:
    if not _FIELD.fullmatch(field):
        raise BadRecordError("bad_query", f"filter: field {field!r} is not made of names joined by dots")
