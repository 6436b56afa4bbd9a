"""One score out of many sources, as a sum: each source's share of it is the explanation."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.retrieval.sources import (
    BOUGHT_TOGETHER,
    CATEGORY,
    COLLABORATIVE,
    CONTENT,
    COOCCURRENCE,
    CURRENT,
    DAY,
    KEYWORDS,
    POPULARITY,
    PREFERRED,
    REACH,
    TASTE,
    TEXT,
    TITLE,
    TRANSITIONS,
    TRENDING,
)

Floats = NDArray[np.float64]
Scores = Mapping[str, Floats]
"""Raw score of each candidate by source, float64 (n,) each; 0 where the source does not know it."""

Kind = Literal["for_user", "similar_items", "bought_together", "trending", "search"]
DAY_MS = 86_400_000

_SILENT = 1e-12
"""A source whose best score is below says nothing: measured by it, rounding errors would decide."""

LOGITS = 4.0
"""Logits per unit of the fixed weights' scores: their best candidates then get about the odds that they deserve."""

_SUPPORT = {CURRENT: 0.1, POPULARITY: 0.1, CATEGORY: 0.2, TASTE: 0.2}
"""Weaker alone than transitions, each a little help to the others: a fifth of its weight, or shared."""

SITTING = {TRANSITIONS: 1.0, COOCCURRENCE: 0.5, TRENDING: 0.2, **_SUPPORT}
"""Within a day of the last event what comes next decides; what is liked afterwards half repeats it."""

RETURN = {TRANSITIONS: 0.5, COOCCURRENCE: 0.5, TRENDING: 0.8, **_SUPPORT}
"""After more than a day the sitting is over: what the world likes now says more than its last steps."""

STRANGER = {REACH: 1.0, TRENDING: 0.06, CURRENT: 0.03, POPULARITY: 0.03, PREFERRED: 1.5}
"""Of a user without history nothing is known: what most people ever had is safest, the others break its ties.

Categories that the user says to prefer come before all others: their weight is above the sum of the rest.
"""

SIMILAR_SHARE = 0.7
"""What people do says more than words: 70 to 30."""

TOGETHER = {BOUGHT_TOGETHER: 1.0, COOCCURRENCE: 1e-6, POPULARITY: 1e-9}
"""What was bought decides alone: the others are too light to pass it, and fill the list where it ends."""

_MATCHING = {KEYWORDS: 0.6, TEXT: 0.3, POPULARITY: 0.05, TRANSITIONS: 0.2, COOCCURRENCE: 0.1, TASTE: 0.1}
SEARCHED = {TITLE: 4.5, **_MATCHING}
"""The words asked for say most, likeness finds what is spelled otherwise; the user's past orders what matches.

How well the title matches (`Match`, three steps) goes before all of it: one step is more than the rest together.
"""

TREND = {TRENDING: 1.0, DAY: 1.0, POPULARITY: 0.2}
"""The moment decides; lasting popularity fills the list of a quiet one. By the day, `DAY` is the moment."""

_FIXED = {"bought_together": TOGETHER, "trending": TREND, "search": SEARCHED}


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the request; `gap_ms` since the user's last event, None without one."""

    kind: Kind = "for_user"
    history_length: int = 0
    gap_ms: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """Scores float64 (n,) = sum of `contributions` and `boosts`; one unit of a raw score adds `units[source]`.

    A unit is one number for all candidates, or float64 (n,), one for each. `boosts`: what rules add, by rule;
    `logits` per unit of the scores: so much multiplies the odds of being chosen by e.
    """

    scores: Floats
    contributions: dict[str, Floats]
    units: dict[str, float | Floats]
    boosts: dict[str, Floats] = field(default_factory=dict)
    logits: float = 1.0


class Fusion(Protocol):
    """Turns raw scores into one score that is the sum of the sources' contributions."""

    def fuse(self, scores: Scores, situation: Situation) -> Fused:
        """Score all candidates of one request; a source that is missing is left out."""


@runtime_checkable
class LearningFusion(Fusion, Protocol):
    """A fusion that learns from what users chose."""

    def learn(self, scores: Scores, situation: Situation, chosen: int, now_ms: int = 0) -> bool:
        """Learn that the candidate at place `chosen` of `scores` was taken; False if that taught nothing."""


class FixedFusion:
    """score = Σ weight(situation) · raw score / largest raw score of the request.

    The largest one is a constant of the request: with `units` held, taking a piece of evidence out of a raw
    score changes the sum by exactly weight / largest × that piece. Weights are few and round, by the time
    since the last event; sources that are missing leave the order of the others as it is. `similar_share`: that of
    what people do in similar items, see `similar_weights`.

    >>> fused = FixedFusion().fuse({"transitions": np.array([2.0, 1.0]), "popularity": np.array([0.0, 1.0])},
    ...                            Situation(history_length=5, gap_ms=1_000))
    >>> fused.scores.tolist()
    [1.0, 0.6]
    """

    def __init__(self, similar_share: float = SIMILAR_SHARE) -> None:
        self._similar_share = similar_share

    def fuse(self, scores: Scores, situation: Situation) -> Fused:
        """Score all candidates of one request."""
        if situation.kind == "similar_items":
            weights = similar_weights(self._similar_share, learned=COLLABORATIVE in scores)
        else:
            weights = weights_for(situation)
        units: dict[str, float | Floats] = {
            source: weights[source] / largest(raw) for source, raw in scores.items() if source in weights
        }
        return replace(fuse_with(units, scores), logits=LOGITS)


def boosted(fused: Fused, boosts: Mapping[str, Floats]) -> Fused:
    """The same with what rules add: `boosts` in logits by rule, float64 (n,) each.

    >>> fused = FixedFusion().fuse({"popularity": np.array([1.0, 1.0])}, Situation("trending"))
    >>> boosted(fused, {"sale": np.array([0.0, 2.0])}).scores.tolist()
    [0.2, 0.7]
    """
    if not boosts:
        return fused
    added = {name: logits / fused.logits for name, logits in boosts.items()}
    total = fused.scores.copy()
    for share in added.values():
        total += share
    return replace(fused, scores=total, boosts={**fused.boosts, **added})


def fuse_with(units: Mapping[str, float | Floats], scores: Scores) -> Fused:
    """Score with the units of another request or of the same one: for 'what if this were missing'.

    >>> fuse_with({"popularity": 0.5}, {"popularity": np.array([1.0, 0.2])}).scores.tolist()
    [0.5, 0.1]
    """
    contributions = {source: unit * scores[source] for source, unit in units.items()}
    count = len(next(iter(scores.values()), ()))
    total = np.zeros(count)
    for contribution in contributions.values():
        total += contribution
    return Fused(total, contributions, dict(units))


def weights_for(situation: Situation) -> Mapping[str, float]:
    """Weights of the sources in a situation, except for similar items.

    >>> [weights_for(Situation(gap_ms=gap_ms))["trending"] for gap_ms in (60_000, 9 * DAY_MS)]
    [0.2, 0.8]
    """
    if situation.kind in _FIXED:
        return _FIXED[situation.kind]
    if situation.gap_ms is None:
        return STRANGER
    returning = situation.gap_ms is not None and situation.gap_ms > DAY_MS
    return RETURN if returning else SITTING


def similar_weights(share: float = SIMILAR_SHARE, *, learned: bool = False) -> Mapping[str, float]:
    """Weights for similar items: `share` for what people do, the rest for what items are like.

    With `learned` vectors half of that share is theirs; live counts keep the other half, because they know what
    happened since. Popularity speaks only where all are silent.

    >>> similar_weights(0.8), round(similar_weights(0.8, learned=True)["collaborative"], 3)
    ({'transitions': 0.4, 'cooccurrence': 0.4, 'content': 0.2, 'popularity': 0.05}, 0.4)
    """
    counts = share / 4 if learned else share / 2
    weights = {TRANSITIONS: counts, COOCCURRENCE: counts, CONTENT: round(1.0 - share, 9), POPULARITY: 0.05}
    return {**weights, COLLABORATIVE: share / 2} if learned else weights


def largest(raw: Floats) -> float:
    """Largest finite score of a source, the measure of its others; 1 for a source that is all but silent.

    >>> largest(np.array([0.5, np.inf])), largest(np.array([-1.0, 1e-300]))
    (0.5, 1.0)
    """
    finite = raw[np.isfinite(raw)]
    most = float(finite.max()) if len(finite) else 0.0
    return most if most > _SILENT else 1.0
