"""The weights of the online ranker: what they are at the start, as bytes, averaged over workers, and in words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.ranking.fusion import DAY_MS, LOGITS, RETURN, SITTING, Situation
from models.retrieval.sources import (
    CATEGORY,
    COOCCURRENCE,
    CURRENT,
    MATCH,
    NEW,
    POPULARITY,
    PRICE,
    REACH,
    REVERSED,
    TASTE,
    TRANSITIONS,
    TRENDING,
)

Floats = NDArray[np.float64]

SOURCES = (
    *(TRANSITIONS, REVERSED, COOCCURRENCE, TRENDING, CURRENT, POPULARITY, REACH),
    *(CATEGORY, MATCH, NEW, TASTE, PRICE),
)
EPSILON = 0.003
"""Share of the largest score at which a source begins to speak in the logarithmic part."""

GAPS_MS = (60_000, 30 * 60_000, DAY_MS, 30 * DAY_MS)
LENGTHS = (3, 10, 50, 199)
_GAP_NAMES = ("< 1 min", "< 30 min", "< 1 day", "< 30 days", "later")
_LENGTH_NAMES = ("≤ 3 events", "≤ 10 events", "≤ 50 events", "≤ 199 events", "more")
BUCKETS = (
    "always",
    *(f"gap {name}" for name in _GAP_NAMES),
    *(f"history {name}" for name in _LENGTH_NAMES),
)

_SHAPE = (len(BUCKETS), len(SOURCES), 2)

FIRST_SQUARES = 1e-3
STALE_AFTER_MS = 10 * 60_000
"""A worker silent for so long is gone, or learned from another time."""

_VERSION = 1
_DIGITS = 6
_LARGEST_VALUE, _LARGEST_SQUARES = 1e3, 1e15
"""Learning clips values at 25, and a sum of squares grows by 25 a choice at most: what is larger was never learned."""
_LOUDEST = float(np.log1p(1.0 / EPSILON))


@dataclass(frozen=True, slots=True, eq=False)
class RankerWeights:
    """`values` and Adagrad's `squares`, float64 (buckets, sources, 2): linear and logarithmic part of each source.

    A request's weights are the sum of three rows: always, its gap's and its history's. `examples` were learned
    by this worker, the last of them at `time_ms`.

    >>> RankerWeights.unpack(RankerWeights().pack()).values.shape
    (11, 12, 2)
    """

    values: Floats = field(default_factory=lambda: start_values())
    squares: Floats = field(default_factory=lambda: np.full(_SHAPE, FIRST_SQUARES))
    examples: int = 0
    time_ms: int = 0

    def copy(self) -> "RankerWeights":
        """The same weights, in arrays of their own."""
        return RankerWeights(self.values.copy(), self.squares.copy(), self.examples, self.time_ms)

    def pack(self) -> bytes:
        """Versioned JSON with the sources' names, about 5 kB."""
        tables = {
            name: {source: table[:, position].round(_DIGITS).tolist() for position, source in enumerate(SOURCES)}
            for name, table in (("values", self.values), ("squares", self.squares))
        }
        head = {"version": _VERSION, "examples": self.examples, "time_ms": self.time_ms, "buckets": BUCKETS}
        return json.dumps({**head, **tables}, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def unpack(cls, data: bytes) -> "RankerWeights":
        """Read `pack`'s bytes; a source that was unknown when they were written starts as it would today.

        Raises ValueError on bytes that are truncated, malformed, of other buckets, or hold what is not a finite number.
        """
        try:
            read = json.loads(data)
            if read["version"] != _VERSION or tuple(read["buckets"]) != BUCKETS:
                raise ValueError("they are of another version")
            fresh = cls()
            values, squares = (
                _filled(start, read[name]) for name, start in (("values", fresh.values), ("squares", fresh.squares))
            )
            if (
                not (np.abs(values) <= _LARGEST_VALUE).all()
                or not ((squares > 0) & (squares <= _LARGEST_SQUARES)).all()
            ):
                raise ValueError("they are not all finite numbers of a size that is learned")
            return cls(values, squares, _count(read["examples"]), _count(read["time_ms"]))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"packed ranker weights can't be read: {error}; leave them out, or learn again") from error


def bucket_rows(situation: Situation) -> list[int]:
    """Rows of the weights that add up in a situation: always, gap, length of the history.

    >>> [BUCKETS[row] for row in bucket_rows(Situation(history_length=5, gap_ms=90_000))]
    ['always', 'gap < 30 min', 'history ≤ 10 events']
    """
    gap = int(np.searchsorted(GAPS_MS, situation.gap_ms or 0))
    length = int(np.searchsorted(LENGTHS, situation.history_length))
    return [0, 1 + gap, 1 + len(_GAP_NAMES) + length]


def start_values() -> Floats:
    """Weights that give the fixed fusion's order, float64 (buckets, sources, 2)."""
    values = np.zeros(_SHAPE)
    for gap in range(len(_GAP_NAMES)):
        # A bucket's upper end decides: "< 1 day" is still the sitting.
        fixed = SITTING if gap < len(GAPS_MS) and GAPS_MS[gap] <= DAY_MS else RETURN
        values[1 + gap, :, 0] = [LOGITS * fixed.get(source, 0.0) for source in SOURCES]
    return values


def average(mine: RankerWeights, others: Sequence[RankerWeights], now_ms: int) -> RankerWeights:
    """Weights of several workers as one: the mean by examples; those stale at `now_ms` are left out.

    The result goes on counting this worker's own examples, so averaging twice counts no worker twice. Local
    steps and averaging: McMahan et al. 2017, "Communication-efficient learning of deep networks from
    decentralized data".

    >>> one, other = RankerWeights(examples=30, time_ms=1), RankerWeights(examples=10, time_ms=1)
    >>> other.values[0, 0, 0] = 4.0
    >>> float(average(one, [other], now_ms=1).values[0, 0, 0])
    1.0
    """
    heard = [mine, *fresh(others, now_ms)]
    if len(heard) == 1:
        return mine.copy()
    examples = np.array([max(1, weights.examples) for weights in heard], dtype=np.float64)
    shares = examples / examples.sum()
    values, squares = (
        np.tensordot(shares, np.stack([getattr(weights, name) for weights in heard]), axes=1)
        for name in ("values", "squares")
    )
    return RankerWeights(values, squares, mine.examples, mine.time_ms)


def fresh(others: Sequence[RankerWeights], now_ms: int) -> list[RankerWeights]:
    """Those that learned something, and not too long ago."""
    return [other for other in others if other.examples and now_ms - other.time_ms <= STALE_AFTER_MS]


def table_of(weights: RankerWeights) -> list[tuple[str, dict[str, float]]]:
    """For each source, what its best candidate gains in a bucket, in logits: one logit is e times the odds.

    >>> rows = dict(table_of(RankerWeights()))
    >>> rows["transitions"]["gap < 1 min"], rows["transitions"]["gap < 30 days"]
    (4.0, 2.0)
    """
    gains = weights.values[:, :, 0] + _LOUDEST * weights.values[:, :, 1]
    return [
        (source, {bucket: float(gains[row, position]) for row, bucket in enumerate(BUCKETS)})
        for position, source in enumerate(SOURCES)
    ]


def _count(read: object) -> int:
    if type(read) is int and 0 <= read < 2**53:
        return read
    raise ValueError("a count is no whole number from 0 to 2^53")


def _filled(start: Floats, read: object) -> Floats:
    if not isinstance(read, dict):
        raise ValueError("a table is no object")
    table = start.copy()
    for position, source in enumerate(SOURCES):
        if source in read:
            table[:, position] = np.array(read[source], dtype=np.float64).reshape(len(BUCKETS), 2)
    return table
