"""Test, then learn: what users choose judges the list that they would have got, and teaches the ranker.

Which events are sampled is decided by the hash of their id, never by what they are, so the live score is
one without bias. Nothing here is exact or repeated after a crash: weights are an opinion, not state.
"""

import asyncio
import logging
import time

from models.ranking.budget import Budget
from models.ranking.fusion import LearningFusion
from models.retrieval.sources import POPULARITY
from models.state.user_state import UserState
from workers.control.live_score import LiveScore, Ways
from workers.control.running import Running
from workers.errors import DependencyError
from workers.metrics import Metrics
from workers.recommend.preview import Preview, rank_in, rank_of

log = logging.getLogger(__name__)

OURS, POPULAR = "ranker", "popularity"


class Learner:
    """Judges a sample of choices before they are folded."""

    def __init__(
        self, pipeline: Ways, ranker: LearningFusion, budget: Budget, metrics: Metrics, experiments: Running
    ) -> None:
        self._pipeline = pipeline
        self._live_score = LiveScore(pipeline, experiments)
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
            previewed = await self._pipeline.preview(user, time_ms)
            ranks = await self._live_score.ranks(user, item_id, time_ms, previewed)
        except DependencyError as error:
            log.debug("a choice taught nothing: %s", error)
            return
        for variant, rank in ranks.items():
            self._metrics.observe_choice(OURS, rank, variant)
        self._judge(previewed, item_id)
        self._budget.spent(time.thread_time() - began)
        await asyncio.sleep(0)  # an answer may be waiting

    def _judge(self, previewed: Preview, item_id: str) -> None:
        candidates = previewed.candidates
        self._metrics.observe_choice(OURS, rank_in(previewed, self._ranker, item_id))
        positions = [position for position, known in enumerate(candidates.item_ids) if known == item_id]
        if not positions:
            self._metrics.observe_choice(POPULAR, 0)
            return
        [position] = positions
        self._metrics.observe_choice(POPULAR, rank_of(candidates.scores[POPULARITY], position))
        if self._ranker.learn(candidates.scores, previewed.situation, position, int(time.time() * 1000)):
            self._metrics.examples.inc()
