"""Test, then learn: what users choose judges the list that they would have got, and teaches the ranker.

Which events are looked at is decided by the hash of their id, never by what they are, so the live score is
one without bias. Nothing here is exact or repeated after a crash: weights are an opinion, not state.
"""

import asyncio
import logging
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.budget import Budget
from models.fusion import LearningFusion, Situation
from models.ranking import Candidates
from models.sources import POPULARITY
from models.user_state import UserState
from workers.errors import DependencyError
from workers.metrics import Metrics

log = logging.getLogger(__name__)

OURS, POPULAR = "ranker", "popularity"


class Looks(Protocol):
    """What can say which items a user would be shown, and why: the query pipeline."""

    async def look(self, user: UserState, now_ms: int) -> tuple[Candidates, Situation]:
        """Candidates for a user with their raw scores, and the situation that they are asked in."""


class Learner:
    """Looks at a sample of choices before they are folded."""

    def __init__(self, pipeline: Looks, ranker: LearningFusion, budget: Budget, metrics: Metrics) -> None:
        self._pipeline = pipeline
        self._ranker = ranker
        self._budget = budget
        self._metrics = metrics

    async def choice(self, user: UserState, item_id: str, time_ms: int, sampled_by: str) -> None:
        """A user is about to be known to like an item; `sampled_by` names the event, `time_ms` is its own.

        An index that does not answer teaches nothing and holds nothing up.
        """
        if user.last_time_ms is None or user.seen(item_id):
            return
        if not self._budget.wants(sampled_by, time.monotonic()):
            return
        began = time.thread_time()
        try:
            candidates, situation = await self._pipeline.look(user, time_ms)
        except DependencyError as error:
            log.debug("a choice taught nothing: %s", error)
            return
        self._judge(candidates, situation, item_id)
        self._budget.spent(time.thread_time() - began)
        await asyncio.sleep(0)  # an answer may be waiting

    def _judge(self, candidates: Candidates, situation: Situation, item_id: str) -> None:
        places = [place for place, known in enumerate(candidates.item_ids) if known == item_id]
        if not places:
            self._metrics.observe_choice(OURS, 0)
            self._metrics.observe_choice(POPULAR, 0)
            return
        [place] = places
        fused = self._ranker.fuse(candidates.scores, situation)
        self._metrics.observe_choice(OURS, rank_of(fused.scores, place))
        self._metrics.observe_choice(POPULAR, rank_of(candidates.scores[POPULARITY], place))
        if self._ranker.learn(candidates.scores, situation, place, int(time.time() * 1000)):
            self._metrics.examples.inc()


def rank_of(scores: NDArray[np.float64], place: int) -> int:
    """Rank of one candidate, from 1: one more than there are better ones; half of its equals count as better.

    >>> rank_of(np.array([0.5, 0.9, 0.1]), place=0)
    2
    """
    better = int(np.count_nonzero(scores > scores[place]))
    equal = int(np.count_nonzero(scores == scores[place])) - 1
    return 1 + better + equal // 2
