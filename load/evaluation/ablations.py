"""Sources that were tried for `for_user` and left out: run them yourself beside the others.

`tastestream evaluate --recommender load.evaluation.ablations:WithSimilarUsers`, or `:WithWholeHistory`, or both
"""

import math
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import replace
from heapq import nlargest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from load.evaluation.vectors import learned_vectors
from models.recommender import Recommender, _Gathered, _number
from models.retrieval.best import best
from models.retrieval.retrieval import Asked, scores
from models.retrieval.sources import COOCCURRENCE, COOCCURRENCE_DECAY, COOCCURRENCE_ITEMS, PRICE, seed_query
from models.state.events import event_weight
from models.state.user_state import UserState

Floats = NDArray[np.float64]

DIM = 64
RETRAINED_EVERY = 5_000
"""Events between two retrainings: fifty times more often than once a night in a shop of 250,000 events a day."""
HISTORY_ITEMS = 200
LIKERS, LIKED, NEIGHBOURS = 100, 30, 100


class WithSource(Recommender, ABC):
    """The learned ranker with one source more, which a subclass scores.

    The ranker learns the source's weights in the place of the price's, which the data must not have.
    """

    @abstractmethod
    def _scores_of_all(self, user: UserState) -> Floats | None:
        """What the source says of every item by slot, float64 (n,); None where it is silent."""

    def _gathered(self, user: UserState, now: int, width: int) -> _Gathered:
        gathered, extra = super()._gathered(user, now, width), self._scores_of_all(user)
        if extra is None:
            return gathered
        brought = best(np.where(self._unseen(user), extra, 0.0), self._table.slots.keys, width)
        slots = np.union1d(gathered.slots, brought)
        raw = scores(self._table, gathered.asked, slots)
        return replace(gathered, slots=slots, raw={**raw, PRICE: extra[slots]})

    def _unseen(self, user: UserState) -> NDArray[np.bool_]:
        return self._allowed(self._table.slots.found_by_key(user.seen_keys().tolist()))


class WithWholeHistory(WithSource):
    """Co-occurrence with all 200 events of the history that are kept, each as much as any other: for late returns."""

    def _scores_of_all(self, user: UserState) -> Floats | None:
        item_ids = [item_id for item_id, _ in user.history.recent(HISTORY_ITEMS)]
        if len(item_ids) <= COOCCURRENCE_ITEMS:
            return None  # the last 20 are asked anyway
        asked = Asked(history={COOCCURRENCE: seed_query(item_ids, self._table.users_of)})
        return scores(self._table, asked, np.arange(len(self._table)))[COOCCURRENCE]


class WithSimilarUsers(WithSource):
    """What those like who liked the same of late (session kNN): V-SKNN, Ludewig & Jannach 2018, over bounded rings.

    Of each item the last 100 who liked it are kept, of each user the last 30 items that they liked. Similar is who
    shares recent items, the newest counting most; the 100 most similar say what they liked, 1 / √(their items).
    """

    def __init__(self, catalog: list[dict[str, Any]]) -> None:
        super().__init__(catalog)
        self._likers: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=LIKERS))
        self._liked: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=LIKED))

    def observe(self, event: Mapping[str, Any]) -> None:
        """Learn one event, and who liked what."""
        super().observe(event)
        if event_weight(str(event["event_type"]), _number(event.get("value")), self._event_weights) > 0:
            user_id, item_id = str(event["user_id"]), str(event["item_id"])
            self._likers[item_id].append(user_id)
            self._liked[user_id].append(item_id)

    def _scores_of_all(self, user: UserState) -> Floats | None:
        near: dict[str, float] = defaultdict(float)
        for lag, (item_id, _) in enumerate(user.history.recent(COOCCURRENCE_ITEMS)):
            for other in self._likers.get(item_id, ()):
                near[other] += COOCCURRENCE_DECAY**lag
        extra = np.zeros(len(self._table))
        for other, nearness in nlargest(NEIGHBOURS, near.items(), key=lambda one: one[1]):
            liked = self._liked[other]
            for item_id in liked:
                extra[self._table.slots.take(item_id)] += nearness / math.sqrt(len(liked))
        return extra if extra.any() else None


class WithItemVectors(WithSource):
    """Nearness to the decayed mean of the recent items' learned vectors."""

    _matrix: NDArray[np.float32] = np.zeros((0, DIM), dtype=np.float32)
    _observed = 0

    def observe(self, event: Mapping[str, Any]) -> None:
        """Learn one event; every 5,000 events retrain the vectors."""
        super().observe(event)
        self._observed += 1
        if self._observed % RETRAINED_EVERY == 0:
            self._matrix = learned_vectors(self._table, DIM)

    def _scores_of_all(self, user: UserState) -> Floats | None:
        wanted = self._wanted(user)
        return None if wanted is None else self._nearness(wanted)

    def _wanted(self, user: UserState) -> NDArray[np.float32] | None:
        slots = self._table.slots.found(item_id for item_id, _ in user.history.recent(COOCCURRENCE_ITEMS)).tolist()
        known = [(lag, slot) for lag, slot in enumerate(slots) if slot < len(self._matrix)]
        if not known:
            return None
        decays = np.array([COOCCURRENCE_DECAY**lag for lag, _ in known], dtype=np.float32)
        found: NDArray[np.float32] = decays @ self._matrix[[slot for _, slot in known]]
        return found if found.any() else None

    def _nearness(self, wanted: NDArray[np.float32]) -> Floats:
        found = np.zeros(len(self._table))
        found[: len(self._matrix)] = np.maximum(self._matrix @ wanted, 0.0)
        return found


class ItemVectorsAlone(WithItemVectors):
    """Nearest items to the user's vector, and nothing else; popularity before the first retraining."""

    def __init__(self, catalog: list[dict[str, Any]]) -> None:
        super().__init__(catalog, learn_share=0.0)

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """Ids of up to `k` items that the user never had."""
        user = self._users.get(str(user_id))
        wanted = None if user is None else self._wanted(user)
        if user is None or wanted is None:
            return super().recommend(user_id, k, now)
        near = np.where(self._unseen(user), self._nearness(wanted), 0.0)
        return [str(item_id) for item_id in self._table.slots.ids[best(near, self._table.slots.keys, k)]]
