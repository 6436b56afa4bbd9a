"""From what is asked to candidates and their raw scores: one retrieval for streamed and for offline answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import Indices
from models.primitives.sparse import SparseVector
from models.primitives.text import Vector
from models.retrieval.best import best
from models.retrieval.catalog_columns import PRICE as PRICES
from models.retrieval.item_slots import Slots
from models.retrieval.item_table import ItemTable
from models.retrieval.popular_lists import Name
from models.retrieval.sources import (
    BOUGHT_TOGETHER,
    COOCCURRENCE,
    DAY,
    PREFERRED,
    PRICE,
    REVERSED,
    TRANSITIONS,
    TRENDING,
    HistoryQuery,
    popularity_scores,
    price_closeness,
    share,
)
from models.state.item_state import TRANSITION_UNIT

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

WIDTH = 100
"""Candidates of one source: fewer lose those that several sources like a little, more cost time."""

POPULAR_SHARE = 0.5
"""Share of that for lists of popular items: popularity is known of every candidate, so lists only fill places."""


_COLUMNS, _UNITS = {TRANSITIONS: 0, COOCCURRENCE: 1}, {TRANSITIONS: TRANSITION_UNIT, COOCCURRENCE: 1}
"""Column of a pair's counts that a source reads, and what one of it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What the sources are asked, of one request.

    `history`: queries over items of the history, by source: TRANSITIONS, COOCCURRENCE, REVERSED (scores only) and
    BOUGHT_TOGETHER; `dense`: float32 (dim,) of unit length, turned, by source; `lists`: of popular items, as they were
    at `moment`; `affinity`: share of each category in the recent items; `prices`: of the recent items; `preferred`:
    categories of a user without a past; `personal`: whether reach says something; `by_day`: trends by calendar day.
    """

    history: Mapping[str, HistoryQuery] = field(default_factory=dict)
    dense: Mapping[str, Vector] = field(default_factory=dict)
    lists: Sequence[Name] = ()
    moment: object = None
    affinity: Mapping[str, float] = field(default_factory=dict)
    prices: Sequence[float] = ()
    preferred: Sequence[str] = ()
    personal: bool = False
    by_day: bool = False


def candidates(
    table: ItemTable, asked: Asked, allowed: Mask, width: int, brought: Slots | None = None, *, fill: bool = True
) -> Slots:
    """The best of every source among `allowed`, bool (items,), each once, in the order of their slots.

    Up to `width` of each source over pairs, half as many of each list, and all of `brought`, which searches found. With
    `fill`, items of which no source says anything make up what is missing to `width`.
    """
    count, keys = len(table), table.slots.keys
    chosen = np.zeros(count, dtype=np.bool_)
    if brought is not None:
        chosen[brought] = True
    for slots in (*_after_history(table, asked, allowed, width), *_bought(table, asked, allowed, width)):
        chosen[slots] = True
    for name in asked.lists:
        chosen[table.popular.first(name, round(width * POPULAR_SHARE), allowed, asked.moment)] = True
    chosen &= allowed
    missing = width - int(np.count_nonzero(chosen)) if fill else 0
    if missing > 0:
        rest = np.flatnonzero(allowed & ~chosen)
        if len(rest) > missing:
            rest = rest[np.argpartition(keys[rest], missing)[:missing]]
        chosen[rest] = True
    return np.flatnonzero(chosen)


def scores(table: ItemTable, asked: Asked, slots: Slots) -> dict[str, Floats]:
    """Raw scores of the items in `slots` (n,) by source, float64 (n,) each; exact whichever source brought an item."""
    count = len(table)
    found = _pair_scores(table, asked, slots)
    if REVERSED in asked.history:
        query = asked.history[REVERSED]
        found[REVERSED] = query.vector.values.astype(np.float64) @ reversed_amounts(table, query, slots)
    if BOUGHT_TOGETHER in asked.history:
        query = asked.history[BOUGHT_TOGETHER]
        found[BOUGHT_TOGETHER] = query.vector.values.astype(np.float64) @ bought_amounts(table, query, slots)
    if len(asked.prices):
        found[PRICE] = price_closeness(table.catalog.number(PRICES, count)[slots], asked.prices)
    affinity = table.catalog.affinity(slots, asked.affinity, count)
    users = table.use.users(count)[slots].astype(np.float64) if asked.personal else None
    found |= popularity_scores(table.use.order_scores(count)[slots], affinity, users)
    if asked.by_day:
        del found[TRENDING]
        found[DAY] = share(table.use.listed(DAY, count)[slots])
    if asked.preferred:
        found[PREFERRED] = table.catalog.any_label(slots, asked.preferred, count).astype(np.float64)
    if asked.dense:
        vectors = table.vectors(slots)
        found |= {source: (vectors @ query).astype(np.float64) for source, query in asked.dense.items()}
    return found


def evidence_rows(table: ItemTable, slots: Slots, queries: Mapping[str, HistoryQuery]) -> list[dict[str, SparseVector]]:
    """What stands behind the scores of each item by source: its counts with each item that the source's query names."""
    found: list[dict[str, SparseVector]] = [{} for _ in slots]
    for source, query in queries.items():
        amounts = _amounts(table, source, query, slots).astype(np.float32)
        for position, rows in enumerate(found):
            rows[source] = SparseVector(query.vector.indices, amounts[:, position])
    return found


def _amounts(table: ItemTable, source: str, query: HistoryQuery, slots: Slots) -> Floats:
    """What a source counts of each item that its query names, float64 (named, n)."""
    if source == REVERSED:
        return reversed_amounts(table, query, slots)
    if source == BOUGHT_TOGETHER:
        return bought_amounts(table, query, slots)
    counts = table.pairs.followed.counts(slots, query.vector.indices)
    return counts[:, :, _COLUMNS[source]].T / _UNITS[source]


def reversed_amounts(table: ItemTable, query: HistoryQuery, slots: Slots) -> Floats:
    """Transitions from each of `slots` to each item of the history, float64 (history, n)."""
    return _backwards(table, query, slots, 0) / TRANSITION_UNIT


def bought_amounts(table: ItemTable, query: HistoryQuery, slots: Slots) -> Floats:
    """Users who bought each of `slots` and each item asked about, in either order, float64 (asked about, n)."""
    before = table.pairs.bought.counts(slots, query.vector.indices)[:, :, 1].T
    seeds, known = _asked_about(table, query)
    counts = before.astype(np.float64)
    if len(seeds):
        counts[known] += table.pairs.bought.counts(seeds, table.slots.keys_as_indices(slots))[:, :, 1]
    return counts


def _backwards(table: ItemTable, query: HistoryQuery, slots: Slots, column: int) -> Floats:
    past, known = _asked_about(table, query)
    amounts = np.zeros((len(query.vector.indices), len(slots)))
    if len(past):
        amounts[known] = table.pairs.followed.counts(past, table.slots.keys_as_indices(slots))[:, :, column]
    return amounts


def _asked_about(table: ItemTable, query: HistoryQuery) -> tuple[Slots, NDArray[np.intp]]:
    """Slots of the items that a query names, as far as they have one, and their places in it."""
    found = [table.slots.find(query.item_ids[index]) for index in query.vector.indices.tolist()]
    known = [position for position, slot in enumerate(found) if slot is not None]
    return np.array([found[position] for position in known], dtype=np.intp), np.array(known, dtype=np.intp)


def _after_history(table: ItemTable, asked: Asked, allowed: Mask, width: int) -> list[Slots]:
    """What the lists of the history's items name: enough to choose by, not to score by."""
    queries = {source: asked.history[source].vector for source in _COLUMNS if source in asked.history}
    if not queries:
        return []
    keys, weights = _by_key(queries)
    named, sums = table.pairs.followed.successors(keys, weights)
    may = allowed[named]
    found, sums = named[may].astype(np.intp), sums[may]
    item_keys = table.slots.keys[found]
    return [found[best(sums[:, _COLUMNS[source]], item_keys, width)] for source in queries]


def _bought(table: ItemTable, asked: Asked, allowed: Mask, width: int) -> list[Slots]:
    """Items bought after those asked about, and before them."""
    query = asked.history.get(BOUGHT_TOGETHER)
    if query is None:
        return []
    indices = query.vector.indices
    after, _ = table.pairs.bought.successors(indices, np.ones((len(indices), 2)))
    seeds, _ = _asked_about(table, query)
    named = [table.pairs.bought.row(int(seed)).keys for seed in seeds]
    before = np.flatnonzero(np.isin(table.slots.indices, np.concatenate([np.zeros(0, dtype=np.uint32), *named])))
    found = np.union1d(after.astype(np.intp), before)
    found = found[allowed[found]]
    amounts = query.vector.values.astype(np.float64) @ bought_amounts(table, query, found)
    return [found[best(amounts, table.slots.keys[found], width)]]


def _pair_scores(table: ItemTable, asked: Asked, slots: Slots) -> dict[str, Floats]:
    """Exact scores of what came after what, by the rows of `slots`."""
    queries = {source: asked.history[source].vector for source in _COLUMNS if source in asked.history}
    if not queries:
        return {}
    keys, weights = _by_key(queries)
    counts = table.pairs.followed.counts(slots, keys)
    return {source: counts[:, :, _COLUMNS[source]] @ weights[:, _COLUMNS[source]] for source in queries}


def _by_key(queries: Mapping[str, SparseVector]) -> tuple[Indices, Floats]:
    """The items that any query asks about, uint32 (k,), and what each query asks by, float64 (k, 2)."""
    keys = np.unique(np.concatenate([query.indices for query in queries.values()]))
    weights = np.zeros((len(keys), 2))
    for source, query in queries.items():
        weights[np.searchsorted(keys, query.indices), _COLUMNS[source]] = query.values / _UNITS[source]
    return keys, weights
