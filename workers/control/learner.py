"""Test, then learn: what users choose judges the list that they would have got, and teaches the ranker.

Which events are sampled is decided by the hash of their id, never by what they are, so the live score is one without
bias. What a list would be made of is looked up before the event has any effect; judging it and learning from it is
done beside the fold, in the same order, so the live score is the same however late that is. Nothing here is exact or
repeated after a crash: weights are an opinion, not state.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mode import Service

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

MOST_WAITING = 64
"""Choices that wait to be judged: more than a second's budget, at some 50 KB each. Past it choices are dropped."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """An item that a user chose at `taken_ms` (epoch ms), the list before that, and those of the variants by label."""

    item_id: str
    taken_ms: int
    previewed: Preview
    variants: Mapping[str, Preview]


class Learner(Service):
    """Takes a sample of choices before they are folded, and judges them in a task of its own.

    Its budget is a share of the time that passes while it is at work, of a look-up or of a judgement: time and not
    CPU, so on a quarter of a core, where work takes four times as long, it takes the same share of what there is;
    and the fold, which waits for look-ups alone, is held up by no more than that share. `clock`: seconds.
    """

    def __init__(
        self,
        pipeline: Ways,
        ranker: LearningFusion,
        budget: Budget,
        metrics: Metrics,
        experiments: Running,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._pipeline = pipeline
        self._live_score = LiveScore(pipeline, experiments)
        self._ranker = ranker
        self._budget = budget
        self._metrics = metrics
        self._clock = clock
        self._choices: asyncio.Queue[Choice] = asyncio.Queue()

    @property
    def waiting(self) -> int:
        """Choices that are not judged yet."""
        return self._choices.qsize()

    async def choice(self, user: UserState, item_id: str, time_ms: int, sampled_by: str) -> None:
        """A user is about to be known to like an item; `sampled_by` names the event, `time_ms` is its own.

        An index that does not answer teaches nothing and holds nothing up.
        """
        if user.last_time_ms is None or user.seen(item_id):
            return
        if not self._budget.wants(sampled_by, self._clock()):
            return
        if self.waiting >= MOST_WAITING:
            self._metrics.choices_dropped.inc()
            return
        began_s = self._clock()
        try:
            previewed = await self._pipeline.preview(user, time_ms)
            variants = await self._live_score.previews(user, time_ms, previewed)
        except DependencyError as error:
            log.debug("a choice taught nothing: %s", error)
            return
        finally:
            self._budget.spent(self._clock() - began_s)
        self._choices.put_nowait(Choice(item_id, int(time.time() * 1000), previewed, variants))

    async def on_started(self) -> None:
        self._judging = self.add_future(self._judge_forever())

    async def on_stop(self) -> None:
        self._judging.cancel()
        await asyncio.wait([self._judging])

    async def _judge_forever(self) -> None:
        while not self.should_stop:
            choice = await self._choices.get()
            began_s = self._clock()
            self._judge(choice)
            self._budget.spent(self._clock() - began_s, examples=0)
            await asyncio.sleep(0)  # an answer or a chunk may be waiting

    def _judge(self, choice: Choice) -> None:
        for variant, rank in self._live_score.ranks(choice.variants, choice.item_id).items():
            self._metrics.observe_choice(OURS, rank, variant)
        previewed, candidates = choice.previewed, choice.previewed.candidates
        self._metrics.observe_choice(OURS, rank_in(previewed, self._ranker, choice.item_id))
        positions = [position for position, known in enumerate(candidates.item_ids) if known == choice.item_id]
        if not positions:
            self._metrics.observe_choice(POPULAR, 0)
            return
        [position] = positions
        self._metrics.observe_choice(POPULAR, rank_of(candidates.scores[POPULARITY], position))
        if self._ranker.learn(candidates.scores, previewed.situation, position, choice.taken_ms):
            self._metrics.examples.inc()
