"""Test, then learn: what users choose judges the list that they would have got, and teaches the ranker.

The list is made before the choice has any effect, and judged later, beside the fold: how late makes no difference to
the score. Which events are sampled is decided by the hash of their id, never by what they are, so the live score is one
without bias. Nothing here is exact or repeated after a crash: weights are an opinion, not state.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from mode import Service

from models.ranking.budget import Budget
from models.ranking.fusion import LearningFusion
from models.retrieval.sources import POPULARITY
from models.state.user_state import UserState
from workers.control.live_score import LiveScore, Ways
from workers.control.running import Running
from workers.metrics import Metrics
from workers.recommend.preview import Preview, rank_in, rank_of

OURS, POPULAR = "ranker", "popularity"

# Choices that wait to be judged, 100 KB each. Beyond, the newest are dropped: the sample is smaller, not another one.
WAITING_BOUND = 64
# While nothing waits.
POLL_S = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """What a user chose, and lists made before that was known: the deployment's, and those of variants by label.

    `taken_ms`: when, epoch ms.
    """

    item_id: str
    taken_ms: int
    previewed: Preview
    of_variants: Mapping[str, Preview]


class Learner(Service):
    """Judges a sample of choices, one after the other.

    Its budget is a share of the time that passes while it is at work: time and not CPU, so on a quarter of a core where
    work takes four times as long, it takes the same share of what there is.
    """

    def __init__(
        self, pipeline: Ways, ranker: LearningFusion, budget: Budget, metrics: Metrics, experiments: Running
    ) -> None:
        super().__init__()
        self._pipeline = pipeline
        self._live_score = LiveScore(pipeline, experiments)
        self._ranker = ranker
        self._budget = budget
        self._metrics = metrics
        self._waiting: deque[_Choice] = deque()

    def choice(self, user: UserState, item_id: str, time_ms: int, sampled_by: str) -> None:
        """A user is about to be known to like an item; `sampled_by` names the event, `time_ms` is its own."""
        if user.last_time_ms is None or user.seen(item_id):
            return
        if not self._budget.wants(sampled_by, time.monotonic()):
            return
        if len(self._waiting) >= WAITING_BOUND:
            self._metrics.choices_dropped.inc()
            return
        began_s = time.monotonic()
        previewed = self._pipeline.preview(user, time_ms)
        of_variants = self._live_score.previews(user, time_ms, previewed)
        self._waiting.append(_Choice(item_id, int(time.time() * 1000), previewed, of_variants))
        self._budget.spent(time.monotonic() - began_s)

    def judge_next(self) -> bool:
        """Judge the choice that waits longest, and learn from it; False if none waits."""
        if not self._waiting:
            return False
        choice = self._waiting.popleft()
        began_s = time.monotonic()
        for variant, previewed in choice.of_variants.items():
            rank = rank_in(previewed, self._pipeline.fusion_of(previewed.controls), choice.item_id)
            self._metrics.observe_choice(OURS, rank, variant)
        self._judge(choice)
        self._budget.spent(time.monotonic() - began_s, examples=0)
        return True

    @Service.task
    async def _judge_forever(self) -> None:
        while not self.should_stop:
            if self.judge_next():
                await asyncio.sleep(0)  # an answer may be waiting
            else:
                await self.sleep(POLL_S)

    def _judge(self, choice: _Choice) -> None:
        previewed, item_id, candidates = choice.previewed, choice.item_id, choice.previewed.candidates
        self._metrics.observe_choice(OURS, rank_in(previewed, self._ranker, item_id))
        positions = [position for position, known in enumerate(candidates.item_ids) if known == item_id]
        if not positions:
            self._metrics.observe_choice(POPULAR, 0)
            return
        [position] = positions
        self._metrics.observe_choice(POPULAR, rank_of(candidates.scores[POPULARITY], position))
        if self._ranker.learn(candidates.scores, previewed.situation, position, choice.taken_ms):
            self._metrics.examples.inc()
