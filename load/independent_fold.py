"""What state must come out of a log of interactions: one thread, plain Python, nothing shared with the product.

It holds for events that are all known, each with an item, and for at most 200 items (rows are then never cut).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson

from workers.stream.chunk import Record

HISTORY, NEAR, WINDOW, UNIT = 200, 10, 50, 2520
WEIGHTS = {"view": 1.0, "click": 2.0, "purchase": 10.0, "like": 3.0, "dislike": -3.0}
HALF_LIVES = (1_000, 5_000, 50_000)


def number_of(item_id: str) -> int:
    """The 32-bit number under which rows know an item."""
    return int.from_bytes(blake2b(item_id.encode(), digest_size=8).digest(), "little") % 2**32


@dataclass
class ExpectedUser:
    """Events kept, oldest first, as (time, offset, item, event id), and how far the log was read."""

    history: list[tuple[int, int, str, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    watermark: int = -1


@dataclass
class ExpectedItem:
    """Counts by number of the predecessor, users, (clock) of each liking first touch, watermark by partition."""

    transitions: Counter[int] = field(default_factory=Counter)
    cooccurrence: Counter[int] = field(default_factory=Counter)
    users: int = 0
    clocks: list[int] = field(default_factory=list)
    watermarks: dict[int, int] = field(default_factory=dict)

    def popularity(self, half_life: int) -> float:
        """Decayed to the newest touch."""
        return sum(math.exp2((clock - max(self.clocks)) / half_life) for clock in self.clocks)


@dataclass
class Expected:
    """State after the whole log."""

    users: dict[str, ExpectedUser] = field(default_factory=lambda: defaultdict(ExpectedUser))
    items: dict[str, ExpectedItem] = field(default_factory=lambda: defaultdict(ExpectedItem))


def fold(log: Iterable[Record], partitions: int) -> Expected:
    """Fold the records of `user-interactions`, those of each user in the order of the log."""
    state = Expected()
    for record in log:
        body = orjson.loads(record.value or b"")
        user, item_id, event_id = state.users[body["user_id"]], body["item_id"], body.get("event_id", "")
        user.watermark = record.offset
        if event_id and any(event_id == known for *_, known in user.history):
            continue
        before = _predecessors(user, body["event_time"], record.offset, item_id, event_id)
        item, liked, first = state.items[item_id], WEIGHTS[body["event_type"]] > 0, item_id not in user.seen
        user.seen.add(item_id)
        item.watermarks[record.partition] = record.offset
        for distance, predecessor in enumerate(before, start=1):
            if distance <= NEAR:
                item.transitions[number_of(predecessor)] += UNIT // distance
            if liked:
                item.cooccurrence[number_of(predecessor)] += 1
        item.users += first
        if first and liked:
            item.clocks.append(record.offset * partitions)
    return state


def _predecessors(user: ExpectedUser, time_ms: int, offset: int, item_id: str, event_id: str) -> list[str]:
    """Insert the event by its time; the distinct items before it, nearest first, back to the same item."""
    user.history = sorted([*user.history, (time_ms, offset, item_id, event_id)])
    dropped, user.history = user.history[:-HISTORY], user.history[-HISTORY:]
    places = [place for place, kept in enumerate(user.history) if kept[1] == offset]
    if dropped and not places:
        return []
    [place] = places
    before: list[str] = []
    for _, _, other, _ in reversed(user.history[max(0, place - WINDOW) : place]):
        if other == item_id:
            break
        if other not in before:
            before.append(other)
    return before
