"""How items are used, by slot: what popularity, ratings and exploring ask, taken over from items' states."""

from math import nan

import numpy as np
from numpy.typing import NDArray

from models.retrieval.columns import Column
from models.retrieval.sources import DAY
from models.state.item_state import HALF_LIVES, ItemState

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

USERS = "users"
"""Name of the list of what most users ever touched, among those named by a half-life in events, or DAY."""

_LISTS = (*HALF_LIVES, DAY)


class UseColumns:
    """Counts and popularity by slot; a state that changed is taken over at the next `settle`."""

    def __init__(self) -> None:
        self._users = Column(np.int32)
        self._buyers = Column(np.int32)
        self._ratings = Column(np.float64, fill=nan)
        self._scores = Column(np.float64, shape=(len(_LISTS),))
        self._changed: dict[int, ItemState] = {}

    def note(self, state: ItemState) -> None:
        """The item's state is another one now, or will be until the next `settle`."""
        self._changed[state.slot] = state

    def settle(self) -> None:
        """Take over what changed; about 4 µs an item."""
        for slot, state in self._changed.items():
            self._users.put(slot, state.count)
            self._buyers.put(slot, state.buyers)
            self._ratings.put(slot, nan if (mean := state.mean_rating) is None else mean)
            self._scores.put(slot, (*state.popularity_scores(), state.day_score()))
        self._changed.clear()

    def clear(self, slot: int) -> None:
        """Nothing is known of the item's use any more."""
        self._changed.pop(slot, None)
        for column in (self._users, self._buyers, self._ratings, self._scores):
            column.clear(slot)

    def users(self, count: int) -> Ints:
        """Users who touched each of the first `count` slots' items, int32 (count,)."""
        return self._users.first(count)

    def buyers(self, count: int) -> Ints:
        """Users who bought each, int32 (count,)."""
        return self._buyers.first(count)

    def ratings(self, count: int) -> Floats:
        """Mean rating in stars, float64 (count,), NaN without one."""
        return self._ratings.first(count)

    def order_scores(self, count: int) -> Floats:
        """Popularity by half-life in events, float64 (count, half-lives), see `ItemState.popularity_scores`."""
        return self._scores.first(count)[:, : len(HALF_LIVES)]

    def listed(self, name: int | str, count: int) -> Floats:
        """What a list is ordered by, float64 (count,): a half-life, DAY or USERS; 0 for what nobody liked."""
        scores = self._scores.first(count)
        if name == USERS:
            return np.where(scores[:, len(HALF_LIVES) - 1] > 0.0, self._users.first(count), 0.0)
        return scores[:, _LISTS.index(name)]
