"""Points and queries that are valid by default, on data whose right answer is known."""

import numpy as np

from models.primitives.sparse import SparseVector
from workers.index.filters import Condition
from workers.index.types import DenseSpec, Distance, FieldKind, Floats, Payload, Point, Query, Schema, Vector

SCHEMA = Schema(
    dense={"text": DenseSpec(4), "given": DenseSpec(3, Distance.DOT)},
    sparse=("transitions", "popularity"),
    fields={
        "category": FieldKind.KEYWORD,
        "price": FieldKind.FLOAT,
        "count": FieldKind.INTEGER,
        "available": FieldKind.BOOL,
        "published_at": FieldKind.DATETIME,
    },
)


def dense(*values: float) -> Floats:
    return np.array(values, dtype=np.float32)


def point(item_id: str, payload: Payload | None = None, **vectors: Vector) -> Point:
    return Point(item_id, vectors, payload or {})


def numbered(count: int) -> list[Point]:
    """Items i00000, i00001, …: higher numbers rank first under both `near` and `followed`."""
    return [
        point(
            f"i{n:05}",
            {"n": n},
            text=dense(1.0, (count - n) / count, 0.0, 0.0),
            transitions=SparseVector.of({1: (n + 1) / count, 1000 + n: 1.0}),
        )
        for n in range(count)
    ]


def near(limit: int = 10, *where: Condition) -> Query:
    return Query("text", dense(1.0, 0.0, 0.0, 0.0), limit, where)


def followed(limit: int = 10, *where: Condition) -> Query:
    return Query("transitions", SparseVector.of({1: 1.0}), limit, where)
