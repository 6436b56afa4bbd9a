"""Rows in a form that is equal for equal states, however the records of the log were interleaved (no I/O).

Left out, because runs that folded the same log may differ in it: watermarks, the origins of events and where in the log
of evidence a row began (a forwarded record has another place in each run), the order in which items were seen and
guests came, and which shares of a taste still wait for an item's vector: those that are known by now are folded before
the taste is compared.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from models.state.history import BOUGHT, History, HistoryEntry
from models.state.item_state import HALF_LIVES
from models.state.taste import Vector
from models.state.user_state import UserState
from workers.admin.state.counts_row import CountsRow
from workers.items.rows import ItemRow

VectorOf = Callable[[str], Vector | None]

# Any two neighbouring dimensions get unlike weights: a vector that turned gives another number.
_TURN = 2.399963


@dataclass(frozen=True, slots=True)
class Form:
    """One row: what must be equal bit for bit, and sums that are equal to rounding, as (value, size).

    Two of them agree within a share of their size. `decayed` follow from event times alone. `clocked` follow from
    offsets as well, because popularity's clock counts records: they are equal only for the same log.
    """

    exact: Mapping[str, Any]
    decayed: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    clocked: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def user_form(user: UserState, vector_of: VectorOf) -> Form:
    """The form of a user's row; what waits for a vector that is known now is folded into `user` itself."""
    for item_id in user.waiting.item_ids():
        vector = vector_of(item_id)
        if vector is not None:
            user.supply_vector(item_id, vector)
    identity = user.identity
    exact = {
        "history": _events(user.history),
        "seen": sorted(user.seen_keys().tolist()),
        "profile": {"attributes": user.profile.attributes, "categories": user.profile.preferred_categories},
        "identity": {
            "user_id": identity.user_id,
            "sealed_ms": identity.sealed_ms,
            "erased_ms": identity.erased_ms,
            "guests": identity.guests,
        },
    }
    return Form(exact, decayed=_taste(user))


def item_form(row: ItemRow) -> Form:
    """The form of an item's entry."""
    vectors = {slot: [row.slots.version(slot), projection(v)] for slot, v in row.slots.vectors().items()}
    return Form({"catalog": row.entry(), "vectors": vectors})


def counts_form(row: CountsRow) -> Form:
    """The form of an item's use."""
    use = row.use
    exact = {
        "transitions": _counts(row.transitions()),
        "cooccurrence": _counts(row.cooccurrence()),
        "bought": _counts(row.bought()),
        **{name: getattr(use, name) for name in ("count", "likes", "buyers", "ratings", "stars")},
    }
    days = _scores(use.by_days.order_scores(), ["day"])
    return Form(exact, decayed=days, clocked=_scores(use.popularity_scores(), HALF_LIVES))


def projection(vector: Iterable[float]) -> float:
    """One number that stands for a vector."""
    values = np.fromiter(vector, dtype=np.float64)
    return float(values @ np.cos(_TURN * np.arange(len(values))))


def _events(history: History) -> list[list[Any]]:
    """Events by time; the order of events of one time says nothing."""
    return sorted(map(_event, history.entries()), key=orjson.dumps)


def _event(entry: HistoryEntry) -> list[Any]:
    """What happened: not where it was published, nor what was known when it came."""
    stars = None if entry.stars != entry.stars else entry.stars
    return [entry.time_ms, entry.item_id, entry.weight, entry.event_hash, stars, bool(entry.flags & BOUGHT)]


def _taste(user: UserState) -> dict[str, tuple[float, float]]:
    """The taste at the newest event, as two numbers; their size is that of what went in."""
    vector = None if user.last_time_ms is None else user.taste.value_at(user.last_time_ms)
    if vector is None:
        return {}
    length = float(np.linalg.norm(vector))
    size = length + sum(map(abs, user.history.weights))
    return {"taste": (projection(vector), size), "taste_length": (length, size)}


def _scores(scores: Iterable[float], names: Iterable[object]) -> dict[str, tuple[float, float]]:
    """Logarithms of popularity: a relative error of the sum is an absolute one of its logarithm."""
    return {f"popularity_{name}": (score, 1.0) for name, score in zip(names, scores, strict=True)}


def _counts(counts: Mapping[int, int]) -> list[list[int]]:
    return [list(entry) for entry in sorted(counts.items())]
