"""What a recommender has to beat: recommenders so simple that nobody doubts their figures."""

from collections import Counter
from collections.abc import Mapping
from typing import Any


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
        self._seen: dict[str, set[str]] = {}

    def observe(self, event: Mapping[str, Any]) -> None:
        """Count one event."""
        item_id = str(event["item_id"])
        self._counts[item_id] += 1
        self._seen.setdefault(str(event["user_id"]), set()).add(item_id)

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """The `k` items with most events that the user never had; ties by item id; `now` plays no part."""
        seen = self._seen.get(str(user_id), set())
        unseen = (item for item in self._counts.items() if item[0] not in seen)
        return [item_id for item_id, _ in sorted(unseen, key=lambda item: (-item[1], item[0]))[:k]]
