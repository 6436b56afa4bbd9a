"""Answers judged: metrics of whole runs and of slices, with intervals that know that users repeat themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

DAY_MS = 86_400_000
SITTING_MS = 30 * 60_000
FEW_EVENTS = 5
RESAMPLES = 1_000
"""Bootstrap samples: the ends of a 95 % interval then vary by a few per cent of its width."""


class Answered:
    """One question: whose, when, what came, and how good that was."""

    __slots__ = ("found", "gap_ms", "length", "ndcg", "novelty", "now", "rank", "recall", "sameness", "user_id")

    def __init__(
        self,
        user_id: str,
        gap_ms: int,
        length: int,
        now: int,
        found: tuple[str, ...],
        wanted: frozenset[str],
        popularity: Sequence[float],
        labels: Sequence[frozenset[str]] | None,
    ) -> None:
        """`popularity`: share of all events that were on each item found, `labels` its categories."""
        positions = [position for position, item_id in enumerate(found) if item_id in wanted]
        self.user_id, self.gap_ms, self.length, self.now, self.found = user_id, gap_ms, length, now, found
        self.rank = positions[0] + 1 if positions else 0
        self.recall = len(positions) / len(wanted)
        ideal = sum(1.0 / np.log2(position + 2) for position in range(min(len(wanted), max(1, len(found)))))
        self.ndcg = sum(1.0 / np.log2(position + 2) for position in positions) / ideal
        self.novelty = float(np.mean(-np.log2(np.maximum(popularity, 1e-9)))) if found else 0.0
        self.sameness = _sameness(labels) if labels is not None else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """One entry per question, in order; all arrays of shape (n,).

    `ranks` (int64): place 1…k of the first item found, 0 for none; `gaps_ms` since the user's last event,
    `lengths` of the user's history, `times_ms`, `users` numbered; `recalls`, `ndcgs` at k, `novelties` (mean
    −log2 of the items' shares of all events, in bits), `diversities` (1 − mean Jaccard of categories, of all
    pairs in a list; NaN if unknown). `coverage`: share of the items
    known at the end that were recommended at least once.
    """

    ranks: Ints
    gaps_ms: Ints
    lengths: Ints
    times_ms: Ints
    users: Ints
    recalls: Floats
    ndcgs: Floats
    novelties: Floats
    diversities: Floats
    coverage: float = 0.0

    @classmethod
    def of(cls, answered: Sequence[Answered], k: int, known_items: int) -> "Outcomes":
        """Columns out of single answers to lists of `k`."""
        _, users = np.unique([one.user_id for one in answered] or np.zeros(0), return_inverse=True)
        shown = {item_id for one in answered for item_id in one.found[:k]}
        return cls(
            np.array([one.rank for one in answered], dtype=np.int64),
            np.array([one.gap_ms for one in answered], dtype=np.int64),
            np.array([one.length for one in answered], dtype=np.int64),
            np.array([one.now for one in answered], dtype=np.int64),
            users.astype(np.int64),
            np.array([one.recall for one in answered], dtype=np.float64),
            np.array([one.ndcg for one in answered], dtype=np.float64),
            np.array([one.novelty for one in answered], dtype=np.float64),
            1.0 - np.array([one.sameness for one in answered], dtype=np.float64),
            len(shown) / known_items if known_items else 0.0,
        )

    def known(self) -> "Outcomes":
        """The questions of users with a history."""
        where = self.lengths > 0
        columns = {one.name: getattr(self, one.name)[where] for one in fields(self) if one.name != "coverage"}
        return replace(self, **columns)

    def hit_rate(self, where: Mask | None = None) -> float:
        """Share of questions with at least one item found; `where` bool (n,) selects a slice; 0 for an empty one."""
        return _mean(self.hits(), where)

    def mean_reciprocal_rank(self, where: Mask | None = None) -> float:
        """Mean of 1 / rank, 0 for a miss."""
        return _mean(self.reciprocal_ranks(), where)

    def hits(self) -> Floats:
        """1 where something was found, float64 (n,)."""
        return (self.ranks > 0).astype(np.float64)

    def reciprocal_ranks(self) -> Floats:
        """1 / rank, 0 for a miss, float64 (n,)."""
        return np.where(self.ranks > 0, 1.0 / np.maximum(self.ranks, 1), 0.0)

    def metrics(self) -> dict[str, Floats]:
        """Each question's worth by metric, float64 (n,) each."""
        return {
            "hit rate": self.hits(),
            "recall": self.recalls,
            "NDCG": self.ndcgs,
            "MRR": self.reciprocal_ranks(),
            "novelty": self.novelties,
            "diversity": self.diversities,
        }


def slices(outcomes: Outcomes) -> dict[str, Mask]:
    """Named parts of the questions, bool (n,) each: who is asked for, and after how long."""
    known = outcomes.lengths > 0
    tail = np.arange(len(known)) >= 0.9 * len(known)
    return {
        "known users": known,
        "no history": ~known,
        "cold users": known & (outcomes.lengths < FEW_EVENTS),
        "same sitting": known & (outcomes.gaps_ms <= SITTING_MS),
        "return after a day": known & (outcomes.gaps_ms > DAY_MS),
        "last tenth": known & tail,
    }


def interval(values: Floats, users: Ints, seed: int, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % interval of the mean of `values` (n,), by drawing whole users again and again.

    One user's questions are alike: drawing questions would make the interval too narrow. Same seed, same
    interval. (nan, nan) without questions. Efron & Tibshirani 1993, "An introduction to the bootstrap".

    >>> low, high = interval(np.array([0.0, 1.0] * 50), np.arange(100), seed=1)
    >>> low < 0.45 < 0.55 < high
    True
    """
    if len(values) == 0:
        return float("nan"), float("nan")
    sums, counts, size = _by_user(values, users)
    drawn = np.random.default_rng(seed).multinomial(size, np.full(size, 1.0 / size), size=resamples)
    means = (drawn @ sums) / np.maximum(drawn @ counts, 1.0)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def lift(ours: Outcomes, theirs: Outcomes, seed: int, resamples: int = RESAMPLES) -> tuple[float, float, float]:
    """Ratio of two hit rates on the same questions, with its 95 % interval by drawing users for both at once.

    Raises ValueError if the questions are not the same.
    """
    if not np.array_equal(ours.times_ms, theirs.times_ms) or not np.array_equal(ours.users, theirs.users):
        raise ValueError("a lift needs two answers to the same questions: run both in one pass")
    mine, _, size = _by_user(ours.hits(), ours.users)
    other, _, _ = _by_user(theirs.hits(), theirs.users)
    drawn = np.random.default_rng(seed).multinomial(size, np.full(size, 1.0 / size), size=resamples)
    ratios = (drawn @ mine) / np.maximum(drawn @ other, 1e-12)
    low, high = np.percentile(ratios, (2.5, 97.5))
    return float(mine.sum() / max(other.sum(), 1e-12)), float(low), float(high)


def summary(outcomes: Outcomes, seed: int = 0) -> Mapping[str, Mapping[str, tuple[float, float, float]]]:
    """Mean, low and high end of every metric in every slice that has questions: {slice: {metric: three}}."""
    found = {}
    for name, where in slices(outcomes).items():
        if where.any():
            found[name] = {
                metric: (float(values[where].mean()), *interval(values[where], outcomes.users[where], seed))
                for metric, values in outcomes.metrics().items()
                if not np.isnan(values).any()
            }
    return found


def _by_user(values: Floats, users: Ints) -> tuple[Floats, Floats, int]:
    _, codes = np.unique(users, return_inverse=True)
    sums: Floats = np.bincount(codes, weights=values).astype(np.float64)
    return sums, np.bincount(codes).astype(np.float64), len(sums)


def _mean(values: Floats, where: Mask | None) -> float:
    chosen = values if where is None else values[where]
    return float(chosen.mean()) if len(chosen) else 0.0


def _sameness(labels: Sequence[frozenset[str]]) -> float:
    pairs = [(one, other) for position, one in enumerate(labels) for other in labels[:position]]
    alike = [len(one & other) / len(one | other) for one, other in pairs if one or other]
    return sum(alike) / len(pairs) if pairs else 0.0
