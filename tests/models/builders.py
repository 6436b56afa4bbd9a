"""Valid by default: say only what a test is about."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import sparse_index
from models.state.events import Event, event_weight
from models.state.evidence import Evidence, Retraction

DAY_MS = 86_400_000


def event(
    item_id: str = "a",
    offset: int = 0,
    *,
    user_id: str = "u",
    kind: str = "view",
    value: float | None = None,
    time_ms: int | None = None,
    partition: int = 0,
    event_id: str | None = None,
) -> Event:
    """An event at time = offset, unless given."""
    return Event(
        user_id=user_id,
        item_id=item_id,
        kind=kind,
        weight=event_weight(kind, value),
        value=value,
        time_ms=offset if time_ms is None else time_ms,
        origin=(partition, offset),
        clock=offset,
        event_id=event_id,
    )


def evidence(
    offset: int = 0,
    predecessors: Sequence[str] = (),
    *,
    item_id: str = "b",
    weight: float = 1.0,
    partition: int = 0,
    clock: int | None = None,
    time_ms: int | None = None,
    first: bool = True,
    bought_with: Sequence[str] | None = None,
    rating: float | None = None,
) -> Evidence:
    """Evidence on item b by one more user, after `predecessors`, nearest first; bought if `bought_with` is given."""
    return Evidence(
        item_id=item_id,
        origin=(partition, offset),
        clock=offset if clock is None else clock,
        time_ms=offset if time_ms is None else time_ms,
        weight=weight,
        first=first,
        predecessors=_indices(predecessors),
        bought=bought_with is not None,
        rating=rating,
        bought_with=_indices(bought_with or ()),
    )


def retraction(offset: int, *pieces: Evidence, item_id: str = "b", partition: int = 0) -> Retraction:
    """The evidence of one user about item b, to be taken back."""
    return Retraction(item_id, (partition, offset), pieces)


def axis(position: int, dim: int = 4) -> NDArray[np.float32]:
    """The unit vector along one axis, float32 (dim,)."""
    vector = np.zeros(dim, dtype=np.float32)
    vector[position] = 1.0
    return vector


def _indices(names: Sequence[str]) -> NDArray[np.uint32]:
    return np.array([sparse_index(name) for name in names], dtype=np.uint32)
