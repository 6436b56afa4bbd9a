"""Sources that were tried for `for_user` and left out: run them yourself beside the others.

`tastestream evaluate --recommender load.ablations:WithItemVectors --recommender load.ablations:ItemVectorsAlone`
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.collaborative import item_vectors
from models.ids import sparse_index
from models.recommender import Recommender, _Asked
from models.sources import COOCCURRENCE_DECAY, COOCCURRENCE_ITEMS, PRICE
from models.sparse_matrix import counts_matrix
from models.user_state import UserState

DIM = 64
RETRAINED_EVERY = 5_000
"""Events between two retrainings: fifty times more often than once a night in a shop of 250,000 events a day."""


class WithItemVectors(Recommender):
    """The learned ranker with one source more: nearness to the decayed mean of the recent items' learned vectors.

    The ranker learns the source's weights in the place of the price's, which the data must not have.
    """

    _matrix: NDArray[np.float32] = np.zeros((0, DIM), dtype=np.float32)
    _observed = 0

    def observe(self, event: Mapping[str, Any]) -> None:
        """Learn one event; every 5,000 events the vectors anew."""
        super().observe(event)
        self._observed += 1
        if self._observed % RETRAINED_EVERY == 0:
            item_ids = self._table.item_ids.tolist()
            places = {sparse_index(item_id): slot for slot, item_id in enumerate(item_ids)}
            rows = ((self._table.slot(item_id), item.cooccurrence.counts()) for item_id, item in self._items.items())
            self._matrix = item_vectors(counts_matrix(rows, places, len(item_ids)), DIM)

    def _asked(self, user: UserState, now: int, width: int) -> _Asked:
        asked = super()._asked(user, now, width)
        wanted = self._wanted(user)
        if wanted is None:
            return asked
        nearness = self._nearness(wanted)
        free = self._table.without(user.seen_keys())
        best = free[np.argsort(-nearness[free])[:width]]
        more = np.setdiff1d(best, asked.slots)
        if len(more):
            wider = super()._asked(user, now, len(self._table))
            kept = np.flatnonzero(np.isin(wider.slots, np.concatenate([asked.slots, more])))
            raw = {source: scores[kept] for source, scores in wider.raw.items()}
            asked = replace(wider, slots=wider.slots[kept], raw=raw)
        return replace(asked, raw=self._scored(asked, nearness))

    def _scored(self, asked: _Asked, nearness: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {**asked.raw, PRICE: nearness[asked.slots]}

    def _wanted(self, user: UserState) -> NDArray[np.float32] | None:
        slots = [self._table.slot(item_id) for item_id, _ in user.history.recent(COOCCURRENCE_ITEMS)]
        known = [(lag, slot) for lag, slot in enumerate(slots) if slot < len(self._matrix)]
        if not known:
            return None
        decays = np.array([COOCCURRENCE_DECAY**lag for lag, _ in known], dtype=np.float32)
        found: NDArray[np.float32] = decays @ self._matrix[[slot for _, slot in known]]
        return found if found.any() else None

    def _nearness(self, wanted: NDArray[np.float32]) -> NDArray[np.float64]:
        found = np.zeros(len(self._table))
        found[: len(self._matrix)] = np.maximum(self._matrix @ wanted, 0.0)
        return found


class ItemVectorsAlone(WithItemVectors):
    """Nearest items to the user's vector, and nothing else; popularity before the first retraining."""

    def __init__(self, catalogue: list[dict[str, Any]]) -> None:
        super().__init__(catalogue, learn_share=0.0)

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """Ids of up to `k` items that the user never had."""
        user = self._users.get(str(user_id))
        wanted = None if user is None else self._wanted(user)
        if user is None or wanted is None:
            return super().recommend(user_id, k, now)
        free = self._table.without(user.seen_keys())
        best = free[np.argsort(-self._nearness(wanted)[free], kind="stable")[:k]]
        return [str(item_id) for item_id in self._table.item_ids[best]]
