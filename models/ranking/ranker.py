"""The ranker that learns while it serves: a softmax over what every source says, one step per choice seen."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.ranking.fusion import SIMILAR_SHARE, FixedFusion, Fused, Scores, Situation, fuse_with, largest
from models.ranking.ranker_weights import EPSILON, SOURCES, RankerWeights, average, bucket_rows, fresh

Floats = NDArray[np.float64]

RATE = 0.05
CLIP = 5.0
"""Largest gradient of one weight; Adagrad then bounds its step by RATE, times √workers."""
BOUND = 25.0
"""Largest weight: beyond it a source alone would decide with odds of e^25."""
CHECKED_EVERY = 500
"""Examples between two comparisons with the last good weights: fewer decide by chance, more learn wrong for longer."""
MARGIN = 0.02
"""Nats an example by which weights may be worse than the last good ones before these come back."""
_SILENT = 1e-9


class OnlineRanker:
    """score = Σ over sources of a · share + b · ln(1 + share / 0.003), share = raw score / largest of the request.

    a and b depend on the time since the user's last event and the length of their history. They start as the
    fixed fusion and are learned by test-then-learn: the loss of a choice is −ln softmax(score of the chosen
    item) among its candidates, the step Adagrad's (Duchi et al. 2011). Similar items, trends and users without
    history stay with the fixed fusion. A choice that is not among the candidates or gives a number that is
    not finite teaches nothing; a repeated one counts again. Every 500 examples the weights are compared with
    the last good ones over those examples; if they did worse, the good ones return.

    >>> ranker, here = OnlineRanker(), Situation(history_length=5, gap_ms=1_000)
    >>> scores = {"transitions": np.array([1.0, 0.0]), "taste": np.array([0.0, 1.0])}
    >>> before = ranker.fuse(scores, here).scores
    >>> [ranker.learn(scores, here, chosen=1) for _ in range(50)].count(True)
    50
    >>> before.argmax(), ranker.fuse(scores, here).scores.argmax()
    (np.int64(0), np.int64(1))
    """

    def __init__(
        self, weights: RankerWeights | None = None, rate: float = RATE, *, similar_share: float = SIMILAR_SHARE
    ) -> None:
        self._weights = (weights or RankerWeights()).copy()
        self._good = self._weights.copy()
        self._rate = rate
        self._stride = 1.0
        self._fixed = FixedFusion(similar_share)
        self._worse_by = 0.0
        self._since_check = 0
        self.refused = 0
        self.returned = 0

    @property
    def weights(self) -> RankerWeights:
        """A copy of the weights, to publish or to show."""
        return self._weights.copy()

    def fuse(self, scores: Scores, situation: Situation) -> Fused:
        """Score all candidates of one request; missing sources are left out.

        With a candidate's `units` held, a piece of a raw score is worth exactly unit × piece; a whole source is
        worth exactly its contribution without holding anything.
        """
        if not _is_learned(situation):
            return self._fixed.fuse(scores, situation)
        positions, shares, tops = _shares(scores)
        linear, logarithmic = self._of(situation, self._weights)[positions].T
        loud = shares > _SILENT
        slopes = np.divide(np.log1p(shares / EPSILON, where=loud, out=np.zeros_like(shares)), shares, where=loud,
                           out=np.zeros_like(shares))  # fmt: skip
        units = (linear[:, None] + logarithmic[:, None] * slopes) / tops[:, None]
        return fuse_with({SOURCES[position]: unit for position, unit in zip(positions, units, strict=True)}, scores)

    def learn(self, scores: Scores, situation: Situation, chosen: int, now_ms: int = 0) -> bool:
        """Learn that the candidate at place `chosen` was taken; False if that teaches nothing. O(candidates)."""
        positions, shares, _ = _shares(scores)
        if not _is_learned(situation) or not positions or not 0 <= chosen < shares.shape[1]:
            return False
        if not np.isfinite(shares).all():
            self.refused += 1
            return False
        features = np.stack([shares, np.log1p(np.maximum(shares, 0.0) / EPSILON)], axis=1)
        gradient, loss = _gradient(features, self._of(situation, self._weights)[positions], chosen)
        _, good_loss = _gradient(features, self._of(situation, self._good)[positions], chosen)
        self._step(bucket_rows(situation), positions, np.clip(gradient, -CLIP, CLIP))
        self._weights = replace(
            self._weights, examples=self._weights.examples + 1, time_ms=max(now_ms, self._weights.time_ms)
        )
        self._compare(loss - good_loss)
        return True

    def merge(self, others: list[RankerWeights], now_ms: int) -> None:
        """Take the average with other workers' weights; stale ones are left out.

        Averaging n workers that each saw 1/n of the choices shortens Adagrad's path by √n: steps grow by as much.
        """
        self._weights = average(self._weights, others, now_ms)
        self._stride = math.sqrt(1 + len(fresh(others, now_ms)))

    def _of(self, situation: Situation, weights: RankerWeights) -> Floats:
        summed: Floats = weights.values[bucket_rows(situation)].sum(axis=0)
        return summed

    def _step(self, rows: list[int], positions: list[int], gradient: Floats) -> None:
        cells = np.ix_(rows, positions)
        squares = self._weights.squares[cells] + gradient**2
        values = self._weights.values[cells] - self._rate * self._stride * gradient / np.sqrt(squares)
        self._weights.squares[cells] = squares
        self._weights.values[cells] = np.clip(values, -BOUND, BOUND)

    def _compare(self, worse_by: float) -> None:
        self._worse_by += worse_by
        self._since_check += 1
        if self._since_check < CHECKED_EVERY:
            return
        if self._worse_by > MARGIN * CHECKED_EVERY:
            self.returned += 1
            values, squares = self._good.values.copy(), self._good.squares.copy()
            self._weights = replace(self._weights, values=values, squares=squares)
        else:
            self._good = self._weights.copy()
        self._worse_by, self._since_check = 0.0, 0


def _is_learned(situation: Situation) -> bool:
    return situation.kind == "for_user" and situation.gap_ms is not None


def _shares(scores: Scores) -> tuple[list[int], Floats, Floats]:
    """Places in SOURCES of those present, their shares float64 (present, n), and their largest raw scores."""
    positions = [position for position, source in enumerate(SOURCES) if source in scores]
    if not positions:
        return [], np.zeros((0, len(next(iter(scores.values()), ())))), np.zeros(0)
    raw = np.array([scores[SOURCES[position]] for position in positions])
    tops = np.array([largest(row) for row in raw])
    return positions, raw / tops[:, None], tops


def _gradient(features: Floats, weights: Floats, chosen: int) -> tuple[Floats, float]:
    """Gradient of the loss, float64 (present, 2), and the loss; `features` float64 (present, 2, n)."""
    logits = np.einsum("sp,spn->n", weights, features)
    odds = np.exp(logits - logits.max())
    shares = odds / odds.sum()
    gradient: Floats = features @ shares - features[:, :, chosen]
    return gradient, float(-np.log(max(shares[chosen], 1e-300)))
