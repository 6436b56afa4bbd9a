"""Where candidates and their scores come from: one query per source, all pure functions of what is known.

A source's score of a candidate is a dot product or a share, so it is a sum over the pieces of evidence: the
items of the user's history, or the half-lives of popularity.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import Indices, sparse_index
from models.primitives.sparse import SparseVector
from models.state.item_state import HALF_LIVES

TRANSITIONS = "transitions"
COOCCURRENCE = "cooccurrence"
REVERSED = "reversed"
BOUGHT_TOGETHER = "bought_together"
KEYWORDS = "keywords"
TITLE = "title"
TRENDING = "trending"
CURRENT = "current"
POPULARITY = "popularity"
REACH = "reach"
CATEGORY = "category"
MATCH = "match"
NEW = "new"
TASTE = "taste"
CONTENT = "content"
COLLABORATIVE = "collaborative"
PRICE = "price"
TEXT = "text"
PREFERRED = "preferred"

SHRINKAGE = 50
"""Touches a source item needs before its counts weigh half: fewer trust chance, more mute new items."""

TRANSITION_ITEMS, TRANSITION_DECAY = 10, 0.8
COOCCURRENCE_ITEMS, COOCCURRENCE_DECAY = 20, 0.9
CATEGORY_ITEMS, CATEGORY_DECAY = 20, 0.9

DAY = "day"
"""Name of the popularity list by calendar day, among those named by their half-life in events."""

MOST_LABELS = 8
"""Categories of one item: each costs an entry per half-life in the index."""

MOST_NAMED = 4_000
"""Items named by the rows of the seeds that are searched for: 20 seeds' full rows, below an index' own bound."""

_FAINT = 1e-6
"""Share of the most popular item's lasting popularity below which nothing can be said of what is new."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class HistoryQuery:
    """A sparse query over rows of counts, and which item of the history stands behind each index."""

    vector: SparseVector
    item_ids: Mapping[int, str]


def transition_query(recent: Sequence[str], count_of: Callable[[str], int]) -> HistoryQuery:
    """Ask which items come next after `recent` (distinct, newest first): 0.8^lag / (count + 50) each.

    >>> query = transition_query(["b", "a"], {"a": 30, "b": 50}.get)
    >>> sorted(query.vector.values.tolist(), reverse=True)
    [0.009999999776482582, 0.009999999776482582]
    """
    return _history_query(recent[:TRANSITION_ITEMS], TRANSITION_DECAY, count_of)


def cooccurrence_query(recent: Sequence[str], count_of: Callable[[str], int]) -> HistoryQuery:
    """Ask what is liked by those who had `recent` (distinct, newest first): 0.9^lag / (count + 50) each."""
    return _history_query(recent[:COOCCURRENCE_ITEMS], COOCCURRENCE_DECAY, count_of)


def seed_query(item_ids: Sequence[str], count_of: Callable[[str], int]) -> HistoryQuery:
    """Ask both kinds of rows for items like these, in whatever order they are named."""
    return _history_query(item_ids, 1.0, count_of)


def popularity_scores(order_scores: Floats, affinity: Floats, counts: Floats | None = None) -> dict[str, Floats]:
    """What popularity and categories say of the candidates by source, float64 (n,) each.

    A candidate's share is its popularity relative to the most popular candidate's, for each half-life: trending,
    current, lasting. In a category it is the mean of all, times the user's affinity to the item's categories
    (match). New is what came of late for what came at all: trending / lasting, relative to the most popular's.
    Reach is the number of users who ever touched the item, if `counts` are given, 0 if none of them liked it.
    `order_scores` float64 (n, half-lives) as of `ItemState.popularity_scores`, 0 = never liked; `affinity`
    float64 (n,), see `affinity_to`; `counts` float64 (n,).

    >>> found = popularity_scores(np.array([[3.0, 3.0, 3.0], [2.0, 1.0, 0.0]]), np.array([0.0, 0.5]))
    >>> found["trending"].tolist(), found["popularity"].tolist(), found["category"].tolist()
    ([1.0, 0.5], [1.0, 0.0], [0.0, 0.125])
    """
    trending, current, lasting = (share(column) for column in order_scores.T)
    found = {
        TRENDING: trending,
        CURRENT: current,
        POPULARITY: lasting,
        CATEGORY: (trending + current + lasting) / len(HALF_LIVES) * affinity,
        MATCH: affinity,
        NEW: np.divide(trending, lasting, out=np.zeros_like(lasting), where=lasting > _FAINT),
    }
    return found if counts is None else {**found, REACH: np.where(lasting > 0.0, counts, 0.0)}


def reversed_scores(query: HistoryQuery, rows: Mapping[str, SparseVector], candidates: Indices) -> Floats:
    """How often the history's items came after each candidate, float64 (n,): transitions read backwards.

    `rows`: transition rows of the history's items by item id; `candidates`: their `sparse_indices`, uint32 (n,). One
    bounded read of at most 10 rows serves all candidates, O((10 · 200 + n) · log(10 · 200)).

    >>> query = transition_query(["b"], lambda item_id: 0)
    >>> seed_entries = {"b": SparseVector.of({sparse_index("a"): 100.0})}
    >>> from models.primitives.ids import sparse_indices
    >>> reversed_scores(query, seed_entries, sparse_indices(["a", "c"])).round(6).tolist()
    [2.0, 0.0]
    """
    seed_entries = [
        (row.indices, weight * row.values.astype(np.float64))
        for index, weight in zip(query.vector.indices.tolist(), query.vector.values.tolist(), strict=True)
        if (row := rows.get(query.item_ids[index])) is not None and len(row)
    ]
    if not seed_entries:
        return np.zeros(len(candidates))
    known, positions = np.unique(np.concatenate([indices for indices, _ in seed_entries]), return_inverse=True)
    amounts = np.bincount(positions, np.concatenate([amounts for _, amounts in seed_entries]))
    at = np.searchsorted(known, candidates)
    return np.where(known.take(at, mode="clip") == candidates, amounts.take(at, mode="clip"), 0.0)


def reversed_row(item_id: str, rows: Mapping[str, SparseVector]) -> SparseVector:
    """A candidate's own row of `reversed_scores`, {history's item: amount}: what explains its score."""
    wanted = sparse_index(item_id)
    found: dict[int, float] = {}
    for past_id, row in rows.items():
        at = int(np.searchsorted(row.indices, wanted))
        if at < len(row) and row.indices[at] == wanted:
            found[sparse_index(past_id)] = float(row.values[at])
    return SparseVector.of(found)


def both_ways_row(item_id: str, row: SparseVector, seed_rows: Mapping[str, SparseVector]) -> SparseVector:
    """An item's `row` over other items plus what the rows of the seeds say of the item, as {seed: number}.

    >>> row = SparseVector.of({sparse_index("a"): 2.0, 7: 1.0})
    >>> found = both_ways_row("b", row, {"a": SparseVector.of({sparse_index("b"): 3.0})})
    >>> found.dot(SparseVector.of({sparse_index("a"): 1.0}))
    5.0
    """
    amounts = dict(zip(row.indices.tolist(), row.values.tolist(), strict=True))
    seed_entries = reversed_row(item_id, seed_rows)
    for index, amount in zip(seed_entries.indices.tolist(), seed_entries.values.tolist(), strict=True):
        amounts[index] = amounts.get(index, 0.0) + amount
    return SparseVector.of(amounts)


def seed_rows_query(query: HistoryQuery, seed_rows: Mapping[str, SparseVector], most: int = MOST_NAMED) -> SparseVector:
    """Ask for the items that the seeds' own rows name, each by its number and as often as they do.

    Σ over seeds of weight · row; the `most` largest entries, as many as an index takes in one query.
    """
    amounts: dict[int, float] = {}
    for index, weight in zip(query.vector.indices.tolist(), query.vector.values.tolist(), strict=True):
        row = seed_rows.get(query.item_ids[index])
        if row is not None:
            for named, amount in zip(row.indices.tolist(), row.values.tolist(), strict=True):
                amounts[named] = amounts.get(named, 0.0) + weight * amount
    largest = sorted(amounts.items(), key=lambda entry: (-entry[1], entry[0]))[:most]
    return SparseVector.of(dict(largest))


def price_closeness(prices: Floats, recent_prices: Sequence[float]) -> Floats:
    """How near each price is to the user's usual one (the median), as a ratio in 0…1, float64 (n,).

    0 where a price is unknown (NaN, 0) or the user has none: silence, not distance.

    >>> price_closeness(np.array([10.0, 20.0, 5.0, np.nan]), [9.0, 10.0, 100.0]).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    if not recent_prices:
        return np.zeros(len(prices))
    usual = float(np.median(recent_prices))
    known = np.nan_to_num(prices, nan=0.0, posinf=0.0, neginf=0.0)
    larger = np.maximum(known, usual)
    return np.divide(np.minimum(known, usual), larger, out=np.zeros_like(larger), where=known > 0.0)


def labels(category: str | None, tags: Sequence[str]) -> tuple[str, ...]:
    """The categories under which an item is popular: its category and first tags, distinct, at most 8.

    >>> labels("Film", ["Crime", "Film", "Drama"])
    ('Film', 'Crime', 'Drama')
    """
    return tuple(dict.fromkeys([category, *tags] if category else tags))[:MOST_LABELS]


def category_affinity(categories: Sequence[Sequence[str]]) -> dict[str, float]:
    """Share of each category in the recent items (newest first, each a list of categories): 0.9^lag a touch.

    >>> category_affinity([["Crime", "Drama"], ["Drama"], []])
    {'Crime': 0.2631578947368421, 'Drama': 0.7368421052631579}
    """
    affinity: dict[str, float] = {}
    for lag, names in enumerate(categories[:CATEGORY_ITEMS]):
        for name in names:
            affinity[name] = affinity.get(name, 0.0) + CATEGORY_DECAY**lag / len(names)
    total = sum(affinity.values())
    return {name: value / total for name, value in affinity.items()}


def affinities(categories: Iterable[tuple[str, ...]], affinity: Mapping[str, float]) -> list[float]:
    """`affinity_to` of each of many items; those of the same categories share one answer.

    >>> affinities([("Crime", "Drama"), (), ("Crime", "Drama")], {"Drama": 0.5})
    [0.25, 0.0, 0.25]
    """
    known: dict[tuple[str, ...], float] = {}
    found = []
    for names in categories:
        if (liked := known.get(names)) is None:
            liked = known[names] = affinity_to(names, affinity)
        found.append(liked)
    return found


def affinity_to(categories: Sequence[str], affinity: Mapping[str, float]) -> float:
    """A user's affinity to an item: the mean over the item's categories, 0 without one.

    >>> affinity_to(["Crime", "Drama"], {"Drama": 0.5})
    0.25
    """
    if not categories:
        return 0.0
    liked = 0.0
    for name in categories:  # a plain loop: it runs for many candidates of every request
        if name in affinity:
            liked += affinity[name]
    return liked / len(categories)


def share(order_scores: Floats) -> Floats:
    """Popularity relative to the most popular's, 0…1, of scores that give its order; 0 stays 0, float64 (n,).

    >>> share(np.array([3.0, 2.0, 0.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.where(order_scores > 0.0, np.exp2(order_scores - order_scores.max(initial=0.0)), 0.0)


def _history_query(item_ids: Sequence[str], decay: float, count_of: Callable[[str], int]) -> HistoryQuery:
    weights: dict[int, float] = {}
    names: dict[int, str] = {}
    for lag, item_id in enumerate(item_ids):
        index = sparse_index(item_id)
        weights[index] = decay**lag / (count_of(item_id) + SHRINKAGE)
        names[index] = item_id
    return HistoryQuery(SparseVector.of(weights), names)
