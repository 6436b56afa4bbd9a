"""A seeded crowd: Zipf items, hot users, late events, repeated event ids and items that arrive late."""

import random
from itertools import accumulate
from typing import Any

from tests.worker.builders import T0_MS, event, item

ITEMS, USERS = 150, 120
KINDS = ("view", "view", "click", "purchase", "like", "dislike")
LATE, REPEATED = 0.05, 0.05


def catalog() -> list[dict[str, Any]]:
    """150 items, so that no row of 200 is ever cut."""
    return [item(f"i{n}") for n in range(ITEMS)]


def events(count: int, seed: int) -> list[dict[str, Any]]:
    """Interactions in the order of publication: a few users are far more active, a few items far more popular."""
    rng = random.Random(seed)
    items, users = _zipf(ITEMS), _zipf(USERS)
    made: list[dict[str, Any]] = []
    for n in range(count):
        if made and rng.random() < REPEATED:
            made.append(made[-1 - rng.randrange(min(50, n))])
            continue
        time_ms = T0_MS + 1_000 * n - (rng.randrange(1_000_000) if rng.random() < LATE else 0)
        made.append(
            event(
                f"u{rng.choices(range(USERS), cum_weights=users)[0]}",
                f"i{rng.choices(range(ITEMS), cum_weights=items)[0]}",
                rng.choice(KINDS),
                event_id=f"e{n}",
                event_time=time_ms,
            )
        )
    return made


def mixed(count: int, seed: int) -> list[dict[str, Any]]:
    """As `events`, among them guests who become users, users who are forgotten, and some whose key is wrong.

    The evidence about these does not depend on who is faster: each account has one guest and nothing else.
    """
    return [_with_person(one, random.Random(one["event_id"])) for one in events(count, seed)]


def _with_person(one: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The same for every repeat of an event."""
    share, number, time_ms = rng.random(), rng.randrange(30), T0_MS + 1_000 * int(one["event_id"][1:])
    if share < 0.01:
        return {
            "event_type": "identify",
            "anonymous_id": f"guest{number}",
            "user_id": f"account{number}",
            "event_time": time_ms,
        }
    if share < 0.02:
        return {"event_type": "erase", "user_id": f"gone{number}", "event_time": time_ms}
    if share < 0.03:
        return {**one, "user_id": f"stray{number}"}
    if share < 0.08:
        return {**one, "user_id": f"gone{number}", "event_time": time_ms}
    if share < 0.18:
        return {**{name: value for name, value in one.items() if name != "user_id"}, "anonymous_id": f"guest{number}"}
    return one


def key_of(record: dict[str, Any]) -> str:
    """Whose row a record changes: the guest's, where it names one."""
    name: str = record.get("anonymous_id") or record["user_id"]
    return name


def _zipf(count: int) -> list[float]:
    return list(accumulate(1.0 / (n + 1) for n in range(count)))
