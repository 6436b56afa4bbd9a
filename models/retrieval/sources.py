"""Where candidates and their scores come from: one query per source, all pure functions of what is known.

A source's score of a candidate is a dot product or a share, so it is a sum over the pieces of evidence: the
items of the user's history, or the half-lives of popularity.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import sparse_index
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
"""Categories of one item: each costs 4 bytes of every item."""

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
    float64 (n,), the mean over an item's categories; `counts` float64 (n,).

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
