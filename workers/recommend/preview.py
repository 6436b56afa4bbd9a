"""What a list would be made of, and at which rank it would have had an item (no I/O)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.ranking.fusion import Fusion, Situation, boosted
from models.ranking.ranking import Candidates, Steering, rank
from workers.metrics import LIVE_LIST
from workers.recommend.controls import Controls


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """Candidates of a user's first list with their raw scores, and what decides on their order.

    All of it is its own: what is folded later changes nothing in it, and it may be ranked at any time.
    """

    candidates: Candidates
    situation: Situation
    controls: Controls
    steering: Steering


def rank_in(previewed: Preview, fusion: Fusion, item_id: str) -> int:
    """Rank of an item in the list, from 1, 0 if it is no candidate.

    Diversity, caps and pins rearrange the first ten; what they leave out of them has the rank of its score, but none
    of theirs.
    """
    candidates, situation, steering = previewed.candidates, previewed.situation, previewed.steering
    positions = [position for position, known in enumerate(candidates.item_ids) if known == item_id]
    if not positions:
        return 0
    [position] = positions
    by_score = rank_of(boosted(fusion.fuse(candidates.scores, situation), steering.boosts).scores, position)
    diversity = 0.0 if candidates.vectors is None else previewed.controls.diversity
    if diversity == 0.0 and steering.caps is None and not steering.pins:
        return by_score
    steered = rank(candidates, fusion, situation, LIVE_LIST, diversity, steering).positions
    return steered.index(position) + 1 if position in steered else max(LIVE_LIST + 1, by_score)


def rank_of(scores: NDArray[np.float64], position: int) -> int:
    """Rank of one candidate, from 1: one more than there are better ones; half of its equals count as better.

    >>> rank_of(np.array([0.5, 0.9, 0.1]), position=0)
    2
    """
    better = int(np.count_nonzero(scores > scores[position]))
    equal = int(np.count_nonzero(scores == scores[position])) - 1
    return 1 + better + equal // 2
