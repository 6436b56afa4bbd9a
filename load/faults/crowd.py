"""A seeded crowd without end: Zipf items and users, late and repeated events, guests, strays, and people who leave."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import orjson

T0_MS = 1_700_000_000_000
KINDS = ("view", "view", "click", "add_to_cart", "purchase", "like", "dislike", "rating")
STARS = (1.0, 2.5, 3.0, 4.0, 5.0)
# More than the 200 that a list of successors keeps, and fewer than the 4,096 that a user's row knows as seen.
ITEMS, UNDESCRIBED = 400, 15
LATE, REPEATED, UNKNOWN = 0.05, 0.01, 0.01
LATEST_MS, STEP_MS, REPEATS_WITHIN = 1_000_000, 1_000, 50
# The most active of many users has two of a hundred events: more would leave the other partitions idle.
ACTIVE = 5
# For so many users there is one guest, one who is forgotten now and then, and one whose records lie astray.
USERS_A_PERSON = 4
# Shares of the records, added up: unreadable, identify, erase, astray, of those to be forgotten, of guests.
BROKEN, IDENTIFY, ERASE, STRAY, GONE, GUEST = accumulate((0.001, 0.01, 0.004, 0.01, 0.05, 0.08))


@dataclass(frozen=True, slots=True)
class Publication:
    """One record to be published: its key, its bytes, and whether it is to lie in another user's partition."""

    key: str
    value: bytes
    astray: bool = False


def catalog() -> list[dict[str, Any]]:
    """The items that the catalog knows."""
    return [{"item_id": f"i{n}", "title": f"Title of i{n}", "category": f"c{n % 7}"} for n in range(ITEMS)]


def users(count: int) -> list[str]:
    """Ids, the most active one first."""
    return [f"u{n}" for n in range(count)]


def events(user_count: int, seed: int, strangers: float = 0.0) -> Iterator[Publication]:
    """Interactions in the order of publication; a share of `strangers` is of a user and an item never seen again."""
    rng = random.Random(seed)
    items, crowd = _zipf(ITEMS, 1), _zipf(user_count, min(ACTIVE, user_count // 100 + 1))
    persons = max(1, user_count // USERS_A_PERSON)
    recent: list[Publication] = []
    n = 0
    while True:
        n += 1
        if recent and rng.random() < REPEATED:
            yield rng.choice(recent)
            continue
        unknown = rng.random() < UNKNOWN
        item = f"x{rng.randrange(UNDESCRIBED)}" if unknown else f"i{rng.choices(range(ITEMS), cum_weights=items)[0]}"
        kind = rng.choice(KINDS)
        strange = strangers > 0 and rng.random() < strangers
        made = {
            "event_type": kind,
            "item_id": f"new{n}" if strange else item,
            "event_id": f"e{n}",
            "event_time": T0_MS + STEP_MS * n - (rng.randrange(LATEST_MS) if rng.random() < LATE else 0),
            **({"value": rng.choice(STARS)} if kind == "rating" else {}),
        }
        if strange:
            yield _record(f"once{n}", {**made, "user_id": f"once{n}"})
            continue
        user = rng.choices(range(user_count), cum_weights=crowd)[0]
        person = rng.randrange(persons)
        recent = [*recent[-REPEATS_WITHIN:], _published(made, rng.random(), user, person, T0_MS + STEP_MS * n)]
        yield recent[-1]


def _published(event: dict[str, Any], share: float, user: int, person: int, now_ms: int) -> Publication:
    """What a client publishes: this event, or by `share` of the records something else.

    The evidence about items does not depend on who is faster: each account has one guest and nothing else, and
    events of those who are forgotten are never late.
    """
    if share < BROKEN:
        return Publication(f"u{user}", b'{"event_type": "view", "user_id":')
    if share < IDENTIFY:
        both = {"anonymous_id": f"guest{person}", "user_id": f"account{person}"}
        return _record(f"guest{person}", {"event_type": "identify", **both, "event_time": now_ms})
    if share < ERASE:
        return _record(f"gone{person}", {"event_type": "erase", "user_id": f"gone{person}", "event_time": now_ms})
    if share < STRAY:
        return _record(f"stray{person}", {**event, "user_id": f"stray{person}"}, astray=True)
    if share < GONE:
        return _record(f"gone{person}", {**event, "user_id": f"gone{person}", "event_time": now_ms})
    if share < GUEST:
        return _record(f"guest{person}", {**event, "anonymous_id": f"guest{person}"})
    return _record(f"u{user}", {**event, "user_id": f"u{user}"})


def _record(key: str, body: dict[str, Any], *, astray: bool = False) -> Publication:
    return Publication(key, orjson.dumps(body), astray)


def _zipf(count: int, first: int) -> list[float]:
    return list(accumulate(1.0 / (n + first) for n in range(count)))
