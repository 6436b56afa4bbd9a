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
    """Events kept, oldest first, as (time, offset, item, event id), and how far the log was read.

    `became` names the user who a guest turned out to be; `told` has what was told of items, to be taken back.
    """

    history: list[tuple[int, int, str, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    watermark: int = -1
    erased_ms: int = -1
    became: str = ""
    told: list[tuple[str, list[str], bool, bool, int]] = field(default_factory=list)


@dataclass
class ExpectedItem:
    """Counts by number of the predecessor, users, (clock) of each liking first touch, watermark by partition."""

    transitions: Counter[int] = field(default_factory=Counter)
    cooccurrence: Counter[int] = field(default_factory=Counter)
    users: int = 0
    clocks: list[int] = field(default_factory=list)
    watermarks: dict[int, int] = field(default_factory=dict)

    def order_score(self, half_life: int) -> float:
        """Popularity as one number for all times, 0 for an item that nobody likes."""
        return 1.0 + math.log2(sum(math.exp2(clock / half_life) for clock in self.clocks)) if self.clocks else 0.0

    def hear(self, before: list[str], liked: bool, first: bool, clock: int, times: int) -> None:
        """Count one event on this item, or with `times` = -1 take it back."""
        for distance, predecessor in enumerate(before, start=1):
            self.transitions[number_of(predecessor)] += times * (UNIT // distance if distance <= NEAR else 0)
            self.cooccurrence[number_of(predecessor)] += times * liked
        self.users += times * first
        if first and liked and times > 0:
            self.clocks.append(clock)
        elif first and liked:
            self.clocks.remove(clock)


@dataclass
class Expected:
    """State after the whole log."""

    users: dict[str, ExpectedUser] = field(default_factory=lambda: defaultdict(ExpectedUser))
    items: dict[str, ExpectedItem] = field(default_factory=lambda: defaultdict(ExpectedItem))


def fold(log: Iterable[Record], partitions: int) -> Expected:
    """Fold the records of `user-interactions`, those of each user in the order of the log.

    Each account has one guest and no events of its own, names of users with a wrong key begin with "stray", and
    users who are erased have no late events: what is told then does not depend on who is faster.
    """
    state = Expected()
    for record in log:
        body = orjson.loads(record.value or b"")
        name, time_ms, offset = body.get("anonymous_id") or body["user_id"], body["event_time"], record.offset
        user, kind = state.users[name], body["event_type"]
        user.watermark = offset
        if kind == "identify":
            if not user.became:
                user.became = body["user_id"]
                state.users[user.became] = ExpectedUser(user.history, user.seen, offset)
                user.history, user.seen = [], set()
            continue
        direct = not user.became and not name.startswith("stray")
        if user.became:
            user = state.users[user.became]
            user.watermark = offset
        if time_ms <= user.erased_ms:
            continue
        if kind == "erase":
            for item_id, *piece in user.told:
                state.items[item_id].hear(*piece, -1)
                state.items[item_id].watermarks[record.partition] = offset
            user.history, user.seen, user.told, user.erased_ms = [], set(), [], time_ms
            continue
        item_id, event_id = body["item_id"], body.get("event_id", "")
        if event_id and any(event_id == known for *_, known in user.history):
            continue
        before = _predecessors(user, time_ms, offset, item_id, event_id)
        piece = (before, WEIGHTS[kind] > 0, item_id not in user.seen, offset * partitions)
        user.seen.add(item_id)
        user.told.append((item_id, *piece))
        state.items[item_id].hear(*piece, 1)
        if direct:
            state.items[item_id].watermarks[record.partition] = offset
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
