"""What state must come out of a log of interactions: one thread, plain Python, nothing shared with the workers.

It holds for at most 4,096 items, for accounts with one guest and no events of their own, and for erased users whose
events came in order, at most 200 before each erase. Names of users whose records lie astray begin with "stray".
"""

import math
from bisect import bisect
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from typing import Any

import orjson

HISTORY, NEAR, WINDOW, UNIT = 200, 10, 50, 2520
WEIGHTS = {"view": 1.0, "click": 2.0, "add_to_cart": 5.0, "purchase": 10.0, "like": 3.0, "dislike": -3.0}
HALF_LIVES, DAY_MS = (1_000, 5_000, 50_000), 86_400_000
Evidence = tuple[str, list[str], list[str] | None, bool, bool, int, int, float | None]


@cache
def key_of(item_id: str) -> int:
    """The 64-bit number of an item in users' rows; in items' rows it has its lower 32 bits."""
    return int.from_bytes(blake2b(item_id.encode(), digest_size=8).digest(), "little")


def popularity(moments: list[int], half_life: int) -> float:
    """One number for all times: 1 + log2 Σ 2^(moment / half-life); 0 for what has no likes."""
    last = max(moments, default=0)
    total = math.fsum(2.0 ** ((moment - last) / half_life) for moment in moments)
    return 1 + math.log2(total) + last / half_life if moments else 0.0


@dataclass
class ExpectedUser:
    """`history`: events by (time, offset, item, event id, bought); `became`: a guest's user; `evidence`: as sent."""

    history: list[tuple[int, int, str, str, bool]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    watermark: int = -1
    erased_ms: int = -1
    became: str = ""
    evidence: deque[Evidence] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def learn(self, time_ms: int, offset: int, item: str, event_id: str, buys: bool) -> tuple[list[str], Any]:
        """Put an event in its place: distinct items before it, nearest first, and others bought if it was not yet."""
        event = (time_ms, offset, item, event_id, buys)
        position = bisect(self.history, event)
        self.history.insert(position, event)
        if len(self.history) > HISTORY:
            self.history, position = self.history[1:], position - 1
        before = [kept[2] for kept in self.history[max(0, position - WINDOW) : max(0, position)]][::-1]
        since_last = before[: [*before, item].index(item)]
        bought = [kept[2] for kept in reversed(self.history) if kept[4]] if buys else []
        others = [other for other in dict.fromkeys(bought) if other != item][:WINDOW]
        return list(dict.fromkeys(since_last)), others if position >= 0 and bought.count(item) == 1 else None


@dataclass
class ExpectedItem:
    """Counts by number of the other item, sums, moments of first touches that like it, watermark by partition."""

    rows: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    sums: Counter[str] = field(default_factory=Counter)
    clocks: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    watermarks: dict[int, int] = field(default_factory=dict)

    def learn(self, evidence: Evidence, times: int, marks: dict[int, int]) -> None:
        """Count one event on this item, or with `times` = -1 take it back; `marks`: its offset by partition."""
        self.watermarks |= marks
        _, before, bought_with, likes, first, clock, time_ms, stars = evidence
        numbers = [key_of(other) % 2**32 for other in before]
        for distance, number in enumerate(numbers[:NEAR], start=1):
            self.rows["transitions"][number] += times * (UNIT // distance)
        self.rows["cooccurrence"].update(dict.fromkeys(numbers, times * likes))
        self.rows["bought"].update({key_of(other) % 2**32: times for other in bought_with or ()})
        sums: dict[str, int] = {"count": first, "likes": first and likes, "buyers": bought_with is not None}
        sums |= {"ratings": stars is not None, "stars": round(1_000 * (stars or 0))}
        self.sums.update({name: times * amount for name, amount in sums.items()})
        for moments, moment in ((self.clocks, clock), (self.times, time_ms)) if sums["likes"] else ():
            moments.append(moment) if times > 0 else moments.remove(moment)


@dataclass
class Expected:
    """State after all records of `user-interactions` learned so far, and the places of those that say nothing."""

    partitions: int
    users: dict[str, ExpectedUser] = field(default_factory=lambda: defaultdict(ExpectedUser))
    items: dict[str, ExpectedItem] = field(default_factory=lambda: defaultdict(ExpectedItem))
    refused: set[tuple[int, int]] = field(default_factory=set)

    def learn(self, record: Any) -> None:
        """Fold the next record of its partition."""
        try:
            body = orjson.loads(record.value)
        except orjson.JSONDecodeError:
            self.refused.add((record.partition, record.offset))
            return
        name, kind, time_ms = body.get("anonymous_id") or body["user_id"], body["event_type"], body["event_time"]
        user, offset, stars = self.users[name], record.offset, body.get("value")
        user.watermark = offset
        if kind == "identify" and not user.became:
            user.became = body["user_id"]
            self.users[user.became] = ExpectedUser(user.history, user.seen, offset)
            user.history, user.seen = [], set()
        direct = not user.became and not name.startswith("stray")
        if user.became and kind != "identify":
            user = self.users[user.became]
            user.watermark = offset
        if kind == "identify" or time_ms <= user.erased_ms:
            return
        if kind == "erase":
            for evidence in user.evidence:
                self.items[evidence[0]].learn(evidence, -1, {record.partition: offset})
            self.users[name] = ExpectedUser(watermark=offset, erased_ms=time_ms)
            return
        item, event_id = body["item_id"], body.get("event_id", "")
        if event_id and event_id in [kept[3] for kept in user.history]:
            return
        before, others = user.learn(time_ms, offset, item, event_id, kind in ("add_to_cart", "purchase"))
        likes = (stars - 3 if kind == "rating" else WEIGHTS[kind]) > 0
        evidence = (item, before, others, likes, item not in user.seen, offset * self.partitions, time_ms, stars)
        user.seen.add(item)
        user.evidence.append(evidence)
        self.items[item].learn(evidence, 1, {record.partition: offset} if direct else {})
