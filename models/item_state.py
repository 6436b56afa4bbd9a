"""All that is kept of one item's use: who came before it, how popular it is, and what was applied."""

import math
import struct

import numpy as np

from models.count_row import CountRow
from models.evidence import WINDOW, Evidence
from models.packing import Reader, head
from models.sparse import SparseVector
from models.watermarks import Watermarks

HALF_LIVES = (1_000, 5_000, 50_000)
"""Popularity's half-lives in events of the whole stream: trending, current, lasting."""

NEAR_WINDOW = 10
"""Predecessors that count as a transition; beyond them only co-occurrence."""

TRANSITION_UNIT = 2_520
"""Least common multiple of 1…10: every 1/distance is an integer, so sums are exact in any order."""

_BY_DISTANCE = (TRANSITION_UNIT // np.arange(1, NEAR_WINDOW + 1)).astype("<u4").tobytes()
_ONES = np.ones(WINDOW, dtype="<u4").tobytes()
_KIND, _VERSION = b"I", 1
_FIXED = struct.Struct(f"<qq{len(HALF_LIVES)}d")


class ItemState:
    """One item's row; `apply` learns an evidence, everything else asks.

    transitions[a] = 2520 · Σ 1/distance over the events on this item at most 10 items after a;
    cooccurrence[a] = events of positive weight on this item at most 50 items after a: the first says what
    comes next, liked or not, the second what is liked; both bounded (see `CountRow`).
    popularity[h] = Σ 2^(−(clock − event's clock) / h) over first events of positive weight, clock in events:
    late evidence takes a smaller factor, so orders of arrival commute. `count`: users who touched the item.
    Evidence at or below its origin's watermark changes nothing; an
    item unknown to the catalogue is counted like any other.

    >>> item = ItemState()
    >>> evidence = Evidence("b", (0, 7), 56, 1_000, 1.0, True, np.array([3, 1], dtype=np.uint32))
    >>> item.apply(evidence), item.apply(evidence), item.transitions.counts(), item.count
    (True, False, {1: 1260, 3: 2520}, 1)
    """

    __slots__ = ("clock", "cooccurrence", "count", "popularity", "transitions", "watermarks")

    def __init__(self) -> None:
        self.transitions = CountRow()
        self.cooccurrence = CountRow()
        self.popularity = [0.0] * len(HALF_LIVES)
        self.clock = 0
        self.count = 0
        self.watermarks = Watermarks()

    def apply(self, evidence: Evidence) -> bool:
        """Learn one evidence; False when it was applied before. O(predecessors)."""
        if not self.watermarks.advance(evidence.origin):
            return False
        self.transitions.note(evidence.predecessors[:NEAR_WINDOW], _BY_DISTANCE)
        if evidence.weight > 0:
            self.cooccurrence.note(evidence.predecessors[:WINDOW], _ONES)
        if evidence.first:
            self.count += 1
            if evidence.weight > 0:
                self._add_popularity(evidence.clock)
        return True

    def popularity_scores(self) -> tuple[float, ...]:
        """Per half-life, 1 + log2(popularity) + clock / half-life: popularity's order at any time.

        Positive; the decayed popularity at clock c is 2^(score − 1 − c / half-life). 0 before the first
        event counts.
        """
        return tuple(
            1.0 + math.log2(value) + self.clock / half_life if value else 0.0
            for value, half_life in zip(self.popularity, HALF_LIVES, strict=True)
        )

    def transition_row(self) -> SparseVector:
        """Σ 1/distance per predecessor."""
        return self.transitions.sparse(TRANSITION_UNIT)

    def cooccurrence_row(self) -> SparseVector:
        """Number of liked events per predecessor."""
        return self.cooccurrence.sparse()

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: 8 a note of a row, 12 an origin, 50 besides."""
        return b"".join(
            (
                head(_KIND, _VERSION),
                self.watermarks.pack(),
                _FIXED.pack(self.count, self.clock, *self.popularity),
                self.transitions.pack(),
                self.cooccurrence.pack(),
            )
        )

    @classmethod
    def unpack(cls, data: bytes) -> "ItemState":
        """Read `pack`'s bytes; raises ValueError on torn or alien ones."""
        reader = Reader(data, _KIND, _VERSION)
        item = cls.__new__(cls)
        item.watermarks = Watermarks.read(reader)
        count, clock, *popularity = reader.fields(_FIXED)
        item.count, item.clock = int(count), int(clock)
        item.popularity = [float(value) for value in popularity]
        item.transitions = CountRow.read(reader)
        item.cooccurrence = CountRow.read(reader)
        reader.end()
        return item

    def _add_popularity(self, clock: int) -> None:
        ahead = clock - self.clock
        for place, half_life in enumerate(HALF_LIVES):
            if ahead > 0:
                self.popularity[place] = self.popularity[place] * math.exp2(-ahead / half_life) + 1.0
            else:
                self.popularity[place] += math.exp2(ahead / half_life)
        self.clock = max(self.clock, clock)
