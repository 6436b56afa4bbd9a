"""All that is kept of one item's use: how popular it is here, who came before it in the pairs of all items."""

import struct
from collections.abc import Mapping
from typing import Protocol

from models.primitives.packing import Reader, head
from models.state.evidence import Evidence, Retraction
from models.state.popularity import Popularity
from models.state.watermarks import Watermarks

HALF_LIVES = (1_000, 5_000, 50_000)
"""Popularity's half-lives in events of the whole stream: trending, current, lasting."""

DAY_MS = 86_400_000
"""Popularity's half-life in event time: what trends by calendar day, however busy the day is."""

NEAR_WINDOW = 10
"""Predecessors that count as a transition; beyond them only co-occurrence."""

TRANSITION_UNIT = 2_520
"""Least common multiple of 1…10: every 1/distance is an integer, so sums are exact in any order."""

RATING_UNIT = 1_000
"""Parts of a star in which ratings are added up: integers, so sums are exact in any order."""

KIND, VERSION = b"I", 3
_FIXED = struct.Struct("<qqqqqq")
_DAY = (DAY_MS,)


class Pairs(Protocol):
    """The pair counts of all items: `models.state.item_pairs.ItemPairs`."""

    def learn(self, slot: int, evidence: Evidence, bound: int) -> None: ...

    def take_back(self, slot: int, evidence: Evidence) -> None: ...

    def pack(self, slot: int) -> bytes: ...

    def load(self, slot: int, reader: Reader) -> None: ...


class ItemState:
    """One item's use; `apply` learns an evidence, `retract` takes some back, everything else asks.

    Popularity counts first events of positive weight (`likes`) by events and by days. `count`: users who touched the
    item; `buyers`: who bought it. Of pairs, kept in `pairs` under the item's `slot`: 2520 · Σ 1/distance over the
    events on this item at most 10 items after another, and events of positive weight at most 50 items after it: the
    first says what comes next, liked or not, the second what is liked; and users who bought another first, or put it
    into the cart, and then this item (Linden et al. 2003; this count and the other's together count the pair). Evidence
    at or below its origin's watermark changes nothing; an item unknown to the catalog is counted like any other.
    `born`: offset in the log of evidence of the record that began this state.

    >>> import numpy as np
    >>> from models.state.item_pairs import ItemPairs
    >>> pairs = ItemPairs()
    >>> item = ItemState(pairs, slot=0)
    >>> evidence = Evidence("b", (0, 7), 56, 1_000, 1.0, True, np.array([3, 1], dtype=np.uint32))
    >>> item.apply(evidence), item.apply(evidence), item.count
    (True, False, 1)
    >>> pairs.settle()
    >>> pairs.followed.row(0).near.tolist()
    [1260, 2520]
    >>> item.retract(Retraction("b", (0, 9), (evidence,))), len(pairs.followed.row(0).near), item.count
    (True, 0, 0)
    """

    __slots__ = (
        "_pairs",
        "born",
        "buyers",
        "by_days",
        "by_events",
        "count",
        "likes",
        "ratings",
        "slot",
        "stars",
        "watermarks",
    )

    def __init__(self, pairs: Pairs, slot: int, born: int = -1) -> None:
        self.slot = slot
        self.born = born
        self._pairs = pairs
        self.by_events = Popularity(HALF_LIVES)
        self.by_days = Popularity(_DAY)
        self.count = self.likes = self.buyers = 0
        self.ratings = self.stars = 0
        self.watermarks = Watermarks()

    def apply(self, evidence: Evidence, bound: int = 0) -> bool:
        """Learn one evidence; False when it was applied before. O(predecessors).

        `bound`: of the entries of the item's row of pairs, see `models.state.control.Bound`; 0: there is none.
        """
        if not self.watermarks.advance(evidence.origin):
            return False
        self._pairs.learn(self.slot, evidence, bound)
        if evidence.first:
            self.count += 1
            if evidence.weight > 0:
                self.likes += 1
                self.by_events.add(evidence.clock)
                self.by_days.add(evidence.time_ms)
        if evidence.bought:
            self.buyers += 1
        if evidence.rating is not None:
            self.ratings += 1
            self.stars += round(evidence.rating * RATING_UNIT)
        return True

    def retract(self, retraction: Retraction) -> bool:
        """Take back what the pieces say, as if it had never come; False when that was done before.

        Counts don't fall below 0: what was cut at a bound is not missed.
        """
        if not self.watermarks.advance(retraction.origin):
            return False
        for piece in retraction.pieces:
            self._take_back(piece)
        return True

    @property
    def popularity(self) -> list[float]:
        """Decayed number of likes per half-life, as of the newest like."""
        return self.by_events.values

    def popularity_scores(self) -> tuple[float, ...]:
        """Popularity's order at any time, per half-life in events: see `Popularity.order_scores`."""
        return self.by_events.order_scores()

    def day_score(self) -> float:
        """Popularity's order at any time, with a half-life of a day: see `Popularity.order_scores`."""
        return self.by_days.order_scores()[0]

    @property
    def mean_rating(self) -> float | None:
        """Mean of all ratings in stars; None without one."""
        return self.stars / (self.ratings * RATING_UNIT) if self.ratings else None

    def marks(self) -> Mapping[int, int]:
        """The last offset applied of each origin."""
        return self.watermarks

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: those of the pairs, 12 an origin, 106 besides."""
        return b"".join(
            (
                head(KIND, VERSION),
                self.watermarks.pack(),
                _FIXED.pack(self.born, self.count, self.likes, self.buyers, self.ratings, self.stars),
                self.by_events.pack(),
                self.by_days.pack(),
                self._pairs.pack(self.slot),
            )
        )

    @classmethod
    def unpack(cls, data: bytes, pairs: Pairs, slot: int) -> "ItemState":
        """Read `pack`'s bytes, the pairs into `slot`; raises ValueError on truncated or malformed ones."""
        reader = Reader(data, KIND, VERSION)
        item = cls(pairs, slot)
        item.watermarks = Watermarks.read(reader)
        item.born, item.count, item.likes, item.buyers, item.ratings, item.stars = map(int, reader.fields(_FIXED))
        item.by_events = Popularity.read(reader, HALF_LIVES)
        item.by_days = Popularity.read(reader, _DAY)
        pairs.load(slot, reader)
        reader.end()
        return item

    def _take_back(self, piece: Evidence) -> None:
        self._pairs.take_back(self.slot, piece)
        if piece.first:
            self.count = max(0, self.count - 1)
            if piece.weight > 0:
                self.likes = max(0, self.likes - 1)
                self.by_events.take_back(piece.clock, self.likes)
                self.by_days.take_back(piece.time_ms, self.likes)
        if piece.bought:
            self.buyers = max(0, self.buyers - 1)
        if piece.rating is not None and self.ratings:
            self.ratings -= 1
            self.stars = self.stars - round(piece.rating * RATING_UNIT) if self.ratings else 0
