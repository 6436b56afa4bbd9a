"""What the sources are asked of a past, of seeds, or of nothing: the same for streamed and for offline answers."""

from collections.abc import Sequence

import numpy as np

from models.primitives.text import Vector, unit
from models.retrieval.item_table import ItemTable
from models.retrieval.popular_lists import Name
from models.retrieval.retrieval import Asked
from models.retrieval.sources import (
    BOUGHT_TOGETHER,
    CONTENT,
    COOCCURRENCE,
    DAY,
    REVERSED,
    TASTE,
    TRANSITIONS,
    HistoryQuery,
    category_affinity,
    cooccurrence_query,
    seed_query,
    transition_query,
)
from models.retrieval.use_columns import USERS
from models.state.item_state import HALF_LIVES

CATEGORIES = 2
"""Categories whose lists are asked for by themselves: those a user likes best."""

STRANGERS_CATEGORIES = 16
"""Of a stranger nothing but the categories said to be preferred is known."""

_SHORTEST, _LONGEST = HALF_LIVES[0], HALF_LIVES[-1]
_POPULAR: tuple[Name, ...] = ((_SHORTEST, None), (_LONGEST, None))


def after_past(table: ItemTable, recent: Sequence[str], taste: Vector | None, moment: object) -> Asked:
    """What comes after `recent` (distinct, newest first), what is liked with it, what is like `taste`, what is popular.

    `taste` float32 (dim,).
    """
    affinity = category_affinity([table.labels_of(item_id) for item_id in recent])
    best = sorted(affinity, key=lambda name: -affinity[name])[:CATEGORIES]
    history = past_queries(table, recent)
    wanted = turned(table, taste) if recent else None
    return Asked(
        history={**history, REVERSED: history[TRANSITIONS]} if history else {},
        dense={} if wanted is None else {TASTE: wanted},
        lists=(*_POPULAR, *((_LONGEST, name) for name in best)),
        moment=moment,
        affinity=affinity,
        prices=table.prices_of(table.slots.found(recent)),
        personal=True,
    )


def of_stranger(moment: object, preferred: Sequence[str] = ()) -> Asked:
    """What most users had and what is popular, of `preferred` categories before all others."""
    of_categories = ((_LONGEST, name) for name in preferred[:STRANGERS_CATEGORIES])
    lists = (*_POPULAR, (USERS, None), *of_categories)
    return Asked(lists=lists, moment=moment, preferred=preferred, personal=True)


def like_items(table: ItemTable, item_ids: Sequence[str], content: Vector | None, moment: object) -> Asked:
    """What comes after any of these, what is liked with them, and what is like `content`, float32 (dim,)."""
    seeds, wanted = seed_query(item_ids, table.users_of), turned(table, content)
    return Asked(
        history={TRANSITIONS: seeds, COOCCURRENCE: seeds},
        dense={} if wanted is None else {CONTENT: wanted},
        lists=_POPULAR,
        moment=moment,
    )


def bought_with_items(table: ItemTable, item_ids: Sequence[str], moment: object) -> Asked:
    """What the same users bought, in either order; what they liked besides fills the list."""
    seeds = seed_query(item_ids, table.buyers_of)
    return Asked(history={COOCCURRENCE: seeds, BOUGHT_TOGETHER: seeds}, lists=((_LONGEST, None),), moment=moment)


def of_moment(moment: object, *, by_day: bool = False) -> Asked:
    """What trends, by events or by calendar day; lasting popularity fills the list of a quiet moment."""
    return Asked(lists=((DAY if by_day else _SHORTEST, None), (_LONGEST, None)), moment=moment, by_day=by_day)


def past_queries(table: ItemTable, recent: Sequence[str]) -> dict[str, HistoryQuery]:
    """Queries over the items of a past, newest first; none without one."""
    if not recent:
        return {}
    users_of = table.users_of
    return {TRANSITIONS: transition_query(recent, users_of), COOCCURRENCE: cooccurrence_query(recent, users_of)}


def turned(table: ItemTable, vector: Vector | None) -> Vector | None:
    """A query for embeddings, float32 (dim,) of unit length; None where it says nothing, or is of another `dim`."""
    if vector is None or len(vector) != table.rarity.dim or not vector.any():
        return None
    return table.rarity.turn(vector)


def middle(table: ItemTable, item_ids: Sequence[str], decay: float = 1.0) -> Vector | None:
    """Σ decay^place · embedding over the items that have one, float32 (dim,) of unit length; None without any."""
    parts = [
        vector * np.float32(decay**position)
        for position, item_id in enumerate(item_ids)
        if (vector := table.vector(item_id)) is not None
    ]
    return unit(np.sum(parts, axis=0, dtype=np.float32)) if parts else None
