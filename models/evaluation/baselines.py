"""What a recommender has to beat: recommenders so simple that their figures are beyond doubt."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.primitives.text import TEXT_DIM, ItemText, Rarity, embed_item
from models.state.events import event_weight

Floats = NDArray[np.float64]
Record = Mapping[str, Any]

_FIRST = 1_024
_CONTENT, _COOCCURRENCE, _POPULAR = 0.4, 0.4, 0.2


class MostPopular:
    """Recommends what most events were on, all time; every event counts, also a repeated or a late one.

    >>> popular = MostPopular()
    >>> for user_id, item_id in (("u", "a"), ("v", "a"), ("v", "b")):
    ...     popular.observe({"user_id": user_id, "item_id": item_id})
    >>> popular.recommend("u", k=5, now=0), popular.recommend("stranger", k=5, now=0)
    (['b'], ['a', 'b'])
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._ranked: list[tuple[int, str]] = []
        self._seen: dict[str, set[str]] = {}

    def observe(self, event: Record) -> None:
        """Count one event."""
        item_id = str(event["item_id"])
        count = self._counts[item_id]
        if count:
            del self._ranked[bisect_left(self._ranked, (-count, item_id))]
        self._counts[item_id] = count + 1
        insort(self._ranked, (-count - 1, item_id))
        self._seen.setdefault(str(event["user_id"]), set()).add(item_id)

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """The `k` items with most events that the user never had; ties by item id; `now` plays no part."""
        seen = self._seen.get(str(user_id), set())
        found: list[str] = []
        for _, item_id in self._ranked:
            if len(found) == k:
                break
            if item_id not in seen:
                found.append(item_id)
        return found


class _Slots:
    """Numbers for ids in order of arrival, what each user had, and how often each item was liked."""

    def __init__(self) -> None:
        self.items: dict[str, int] = {}
        self.users: dict[str, int] = {}
        self.counts: Floats = np.zeros(_FIRST)
        self.seen: dict[int, set[int]] = {}

    def item(self, item_id: str) -> int:
        slot = self.items.setdefault(item_id, len(self.items))
        if slot == len(self.counts):
            self.counts = np.concatenate([self.counts, np.zeros_like(self.counts)])
        return slot

    def user(self, user_id: str) -> int:
        return self.users.setdefault(user_id, len(self.users))

    def best(self, scores: Floats, user: int | None, k: int) -> list[str]:
        """Ids of the `k` best items that had an event and that the user had not; ties by arrival."""
        scores = np.where(self.counts[: len(self.items)] > 0, scores, -np.inf)
        if user is not None:
            scores[list(self.seen.get(user, ()))] = -np.inf
        ids = list(self.items)
        return [ids[slot] for slot in np.argsort(-scores, kind="stable")[:k].tolist() if scores[slot] > -np.inf]


class Mixture:
    """40 % content + 40 % co-occurrence + 20 % popular, each relative to its best: the recipe of many shops.

    Content is the cosine of hashed TF-IDF vectors with the sum of the user's liked items'; co-occurrence the
    sum of cosines between an item's users and those of the user's liked items, over all history; popular the
    number of users who liked an item. A repeated or late event counts like any; O(all events) an answer.

    >>> mixture = Mixture([{"item_id": "a", "title": "Heat"}, {"item_id": "b", "title": "Laura"}])
    >>> for user, item in (("u", "a"), ("u", "b"), ("v", "a")):
    ...     mixture.observe({"user_id": user, "item_id": item})
    >>> mixture.recommend("v", k=3, now=0)
    ['b']
    """

    def __init__(self, catalog: Iterable[Record] = ()) -> None:
        self._slots = _Slots()
        self._pairs = np.zeros((2, _FIRST), dtype=np.int64)
        self._liked = 0
        self._rarity = Rarity(TEXT_DIM)
        self._profiles: dict[int, NDArray[np.float32]] = {}
        vectors = [self._vector(item) for item in catalog]
        self._matrix = np.array(vectors, dtype=np.float32).reshape(-1, TEXT_DIM)

    def observe(self, event: Record) -> None:
        """Learn one event; only liked ones say something."""
        item, user = self._slots.item(str(event["item_id"])), self._slots.user(str(event["user_id"]))
        self._slots.seen.setdefault(user, set()).add(item)
        if _worth(event) <= 0:
            return
        self._slots.counts[item] += 1.0
        if self._liked == self._pairs.shape[1]:
            self._pairs = np.concatenate([self._pairs, np.zeros_like(self._pairs)], axis=1)
        self._pairs[:, self._liked] = user, item
        self._liked += 1
        if item < len(self._matrix):
            self._profiles[user] = self._profiles.get(user, np.zeros(TEXT_DIM, dtype=np.float32)) + self._matrix[item]

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """The `k` best items that the user never had; `now` plays no part."""
        user = self._slots.users.get(str(user_id))
        size = len(self._slots.items)
        counts = self._slots.counts[:size]
        score = _POPULAR * _relative(counts)
        if user is not None:
            score += _COOCCURRENCE * _relative(self._cooccurrence(user, counts))
            if user in self._profiles:
                score += _CONTENT * _relative(self._content(self._profiles[user], size))
        return self._slots.best(score, user, k)

    def _vector(self, item: Record) -> NDArray[np.float32]:
        self._slots.item(str(item["item_id"]))
        genres = item.get("genres") or ()
        names = tuple(genres.split("|")) if isinstance(genres, str) else tuple(genres)
        vector = embed_item(ItemText(title=str(item.get("title") or ""), tags=names))
        self._rarity.learn_one(vector)
        return vector

    def _cooccurrence(self, user: int, counts: Floats) -> Floats:
        users, items = self._pairs[:, : self._liked]
        norms = 1.0 / np.sqrt(np.maximum(counts, 1.0))
        mine = np.zeros(len(counts))
        mine[items[users == user]] = norms[items[users == user]]
        common = np.bincount(users, weights=mine[items], minlength=len(self._slots.users))
        return np.bincount(items, weights=common[users], minlength=len(counts)) * norms

    def _content(self, profile: NDArray[np.float32], size: int) -> Floats:
        near = np.zeros(size)
        known = min(size, len(self._matrix))
        near[:known] = self._matrix[:known] @ self._rarity.turn(profile)
        return near


def _worth(event: Record) -> float:
    value = event.get("value")
    return event_weight(str(event.get("event_type") or "view"), None if value is None else float(value))


def _relative(scores: Floats) -> Floats:
    top = float(scores.max(initial=0.0))
    return scores / top if top > 0.0 else np.zeros_like(scores)
