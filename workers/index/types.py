"""What the index port speaks: schema, points, queries and hits, free of any back end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.primitives.sparse import SparseVector
from workers.index.filters import Condition

Floats = NDArray[np.float32]
Vector = Floats | SparseVector
Payload = Mapping[str, Any]


class Distance(StrEnum):
    """How two dense vectors are compared; higher is nearer."""

    COSINE = "cosine"
    DOT = "dot"


class FieldKind(StrEnum):
    """Type of an indexed payload field; a field may also hold a list of its type, or None."""

    KEYWORD = "keyword"
    FLOAT = "float"
    INTEGER = "integer"
    BOOL = "bool"
    """Stored as 0 or 1: Qdrant Edge matches nothing when asked for `true`."""
    DATETIME = "datetime"
    """Epoch milliseconds, an integer."""


@dataclass(frozen=True, slots=True)
class DenseSpec:
    """Dimension and distance of a named dense vector; cosine vectors are stored with unit length."""

    dim: int
    distance: Distance = Distance.COSINE


@dataclass(frozen=True, slots=True)
class Schema:
    """Named vectors of a point and the payload fields that filters use often."""

    dense: Mapping[str, DenseSpec] = field(default_factory=dict)
    sparse: tuple[str, ...] = ()
    fields: Mapping[str, FieldKind] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return a plain form that is equal exactly when the schemas are."""
        return {
            "dense": {name: [spec.dim, spec.distance.value] for name, spec in sorted(self.dense.items())},
            "sparse": sorted(self.sparse),
            "fields": {name: kind.value for name, kind in sorted(self.fields.items())},
        }


@dataclass(frozen=True, slots=True)
class Point:
    """A whole item: any subset of the schema's vectors and its payload, which gets `item_id` added."""

    item_id: str
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    payload: Payload = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """Nearest `limit` points to `vector` in the space `using`, among those that meet all of `where`."""

    using: str
    vector: Vector
    limit: int
    where: tuple[Condition, ...] = ()


class Hit(NamedTuple):
    """A found item."""

    item_id: str
    score: float


class IdPage(NamedTuple):
    """Some of the stored items, and where the next ones begin, None after the last."""

    item_ids: list[str]
    following: str | None
