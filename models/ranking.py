"""From candidates to a list: the one path that streamed and offline answers share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.diversity import diversify
from models.fusion import Fused, Fusion, Scores, Situation

POOL = 5
"""Candidates per place of the list that diversity may choose from: more hardly change it, and cost time."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Item ids (n,) and their raw scores by source; `vectors` float32 (n, dim) serve diversity only."""

    item_ids: Sequence[str] | NDArray[np.object_]
    scores: Scores
    vectors: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Places of the chosen candidates, best first, their scores taken apart, and how many were not finite."""

    places: list[int]
    fused: Fused
    sunk: int


def rank(candidates: Candidates, fusion: Fusion, situation: Situation, limit: int, diversity: float = 0.0) -> Ranking:
    """Up to `limit` candidates by (−score, item id); those without a finite score sink out of the list.

    With `diversity` > 0 and vectors, the best 5 × limit are rearranged by maximal marginal relevance.
    """
    fused = fusion.fuse(candidates.scores, situation)
    if candidates.vectors is None or diversity <= 0.0:
        places = best_places(fused.scores, candidates.item_ids, limit)
    else:
        pool = best_places(fused.scores, candidates.item_ids, POOL * limit)
        chosen = diversify(fused.scores[pool], candidates.vectors[pool], limit, diversity)
        places = [pool[place] for place in chosen]
    return Ranking(places, fused, int(np.count_nonzero(~np.isfinite(fused.scores))))


def best_places(scores: NDArray[np.float64], item_ids: Sequence[str] | NDArray[np.object_], limit: int) -> list[int]:
    """Places of the `limit` largest finite scores, best first, ties by item id; O(n + limit log limit).

    >>> best_places(np.array([1.0, np.nan, 2.0, 1.0]), ["b", "x", "c", "a"], limit=2)
    [2, 3]
    """
    places = np.flatnonzero(np.isfinite(scores))
    if limit <= 0:
        return []
    if len(places) > limit:
        finite = scores[places]
        cut = np.partition(finite, len(finite) - limit)[len(finite) - limit]
        places = places[finite >= cut]
    return sorted(places.tolist(), key=lambda place: (-scores[place], item_ids[place]))[:limit]
