"""Invents ratings of many users at once, as in a shop: each event is another user's, items follow Zipf's law."""

from typing import Any

import numpy as np

from load.datasets.dataset import Dataset
from load.datasets.ratings import Ratings
from load.datasets.synthetic import FIRST_TIME_S

CATEGORIES = 50
ZIPF = 0.9
SEED = 20_261_130


def interleaved_dataset(items: int, users: int, events: int) -> Dataset:
    """`items` described items and `events` ratings a second apart; the same sizes give the same data.

    All users rate once, in a new random order, before any of them rates again.
    """
    random = np.random.default_rng(SEED)
    rounds = -(-events // users)
    user = np.concatenate([random.permutation(users) for _ in range(rounds)] or [np.empty(0, np.int64)])[:events]
    weights = np.cumsum(1.0 / np.arange(1, items + 1) ** ZIPF)
    rank = np.searchsorted(weights, random.random(events) * weights[-1])
    item = random.permutation(items)[rank]
    stars = (random.integers(1, 11, events) / 2).astype(np.float32)
    time_ms = (FIRST_TIME_S + np.arange(events)) * 1000
    described = [_described(number) for number in range(items)]
    return Dataset("interleaved", described, [], Ratings(user, item, stars, time_ms), "synthetic")


def _described(number: int) -> dict[str, Any]:
    category = f"Category {number % CATEGORIES}"
    return {
        "item_id": str(number),
        "title": f"Item {number} of shelf {number % 997}",
        "category": category,
        "tags": [f"tag {number % 211}"],
        "price": float(number % 89 + 1),
    }
