"""A seeded crowd without end: Zipf items and users, late events, repeated event ids, items nobody described."""

import random
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

T0_MS = 1_700_000_000_000
KINDS = ("view", "view", "click", "purchase", "like", "dislike")
# No more items than a row keeps neighbours: beyond, the order of arrival decides which are kept.
ITEMS, UNDESCRIBED = 180, 15
LATE, REPEATED, UNKNOWN = 0.05, 0.01, 0.01
LATEST_MS, STEP_MS, REPEATS_WITHIN = 1_000_000, 1_000, 50


def catalog() -> list[dict[str, Any]]:
    """The items that the catalog knows."""
    return [{"item_id": f"i{n}", "title": f"Title of i{n}", "category": f"c{n % 7}"} for n in range(ITEMS)]


def users(count: int) -> list[str]:
    """Ids, the most active one first."""
    return [f"u{n}" for n in range(count)]


def events(user_count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Interactions in the order of publication."""
    rng = random.Random(seed)
    items, crowd = _zipf(ITEMS), _zipf(user_count)
    recent: list[dict[str, Any]] = []
    n = 0
    while True:
        n += 1
        if recent and rng.random() < REPEATED:
            yield rng.choice(recent)
            continue
        unknown = rng.random() < UNKNOWN
        item = f"x{rng.randrange(UNDESCRIBED)}" if unknown else f"i{rng.choices(range(ITEMS), cum_weights=items)[0]}"
        made = {
            "event_type": rng.choice(KINDS),
            "user_id": f"u{rng.choices(range(user_count), cum_weights=crowd)[0]}",
            "item_id": item,
            "event_id": f"e{n}",
            "event_time": T0_MS + STEP_MS * n - (rng.randrange(LATEST_MS) if rng.random() < LATE else 0),
        }
        recent = [*recent[-REPEATS_WITHIN:], made]
        yield made


def _zipf(count: int) -> list[float]:
    return list(accumulate(1.0 / (n + 1) for n in range(count)))
