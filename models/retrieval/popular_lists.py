"""Lists of popular and of little-known items, as sparse rows of the items in them and queries for each list."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import item_key, sparse_index
from models.primitives.sparse import SparseVector
from models.retrieval.sources import DAY
from models.state.item_state import HALF_LIVES

ALL = "*"
"""Stands for the whole catalog where a category may be named."""

LITTLE_KNOWN_LISTS = 16
"""Lists that take turns in being asked first: fewer, and the same items come for long."""

_LAYOUTS = 4_096
"""Sets of categories whose rows' layout is kept: 1 KB each."""


def popularity_row(
    order_scores: Iterable[float], categories: Iterable[str], day_score: float = 0.0, little_known: str | None = None
) -> SparseVector:
    """Popularity's order as a sparse row: in the whole catalog, and in each category.

    `little_known`: the item's id, if it is: then it is in one of their lists as well.

    `order_scores`, `day_score`: as of `ItemState.popularity_scores` and `ItemState.day_score`. In float32 a day's
    order is resolved down to a thousandth of its popularity.

    >>> row = popularity_row((3.0, 2.0, 1.0), ["Crime"], day_score=5.0)
    >>> row.dot(popularity_query(DAY, "Crime")), row.dot(popularity_query(HALF_LIVES[0]))
    (5.0, 3.0)
    """
    scores = np.array([*order_scores, day_score, 0.0 if little_known is None else 1.0], dtype=np.float32)
    indices, positions = _popularity_layout(tuple(categories), None if little_known is None else list_of(little_known))
    values = scores[positions]
    nonzero = values != 0.0
    return SparseVector(indices[nonzero], values[nonzero])


@lru_cache(maxsize=_LAYOUTS)
def _popularity_layout(
    categories: tuple[str, ...], little_known_list: int | None
) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Sparse indices of a popularity row, sorted, and the place of each one's score: half-lives, day, little known."""
    lists: tuple[int | str, ...] = (*HALF_LIVES, DAY)
    layout = {popularity_index(name, of): position for of in (ALL, *categories) for position, name in enumerate(lists)}
    if little_known_list is not None:
        layout[little_known_index(little_known_list)] = len(lists)
    indices = np.array(sorted(layout), dtype=np.uint32)
    positions = np.array([layout[index] for index in indices.tolist()], dtype=np.intp)
    return indices, positions


def list_of(item_id: str) -> int:
    """Number of the list of little-known items that an item is in, one of 16 by its id."""
    return item_key(item_id) % LITTLE_KNOWN_LISTS


def little_known_index(number: int) -> int:
    """Sparse index of a list of little-known items.

    >>> 0 <= little_known_index(list_of("tt0114709")) < 2**32
    True
    """
    return sparse_index(f"little known/{number}")


def little_known_query(turn: int) -> SparseVector:
    """Ask for little-known items, those of another list first at each turn: so each gets its own."""
    count = LITTLE_KNOWN_LISTS
    return SparseVector.of({little_known_index(n): 1.0 + (n + turn) % count for n in range(count)})


def popularity_query(half_life: int | str, category: str = ALL) -> SparseVector:
    """Ask for the most popular items of a category, or of all: one of HALF_LIVES, or DAY."""
    return SparseVector.of({popularity_index(half_life, category): 1.0})


def popularity_index(half_life: int | str, category: str) -> int:
    """Sparse index of one popularity list."""
    return sparse_index(f"popularity/{half_life}/{category}")
