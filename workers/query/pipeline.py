"""How a request becomes an answer: the stages in their order, each named as its metric's label.

Asking changes no state. What is slow shows in `took_ms` and in the stage's histogram.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from models.fusion import Fusion
from models.ranking import Candidates, rank
from models.text import Rarity, Vector, unit
from models.user_state import UserState
from workers.facts import ItemFacts
from workers.index.port import Index
from workers.metrics import Metrics
from workers.query.filters import conditions, keep
from workers.query.merge import merge, score
from workers.query.popular import PopularLists
from workers.query.present import present
from workers.query.question import Question, ask_for_similar, ask_for_trending, ask_for_user
from workers.query.retrieve import WIDTH, Found, Plan, plan, retrieve
from workers.records.reply import Reply
from workers.records.request import Request
from workers.vectors import ItemVectors

# Each further look is so many times wider, until there are enough items or none are left.
WIDEN = 7
WIDEST = 10_000


@dataclass(slots=True)
class Stages:
    """Times the stages of one request, for its reply and for the histograms."""

    metrics: Metrics
    kind: str
    took_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is inside; a stage that runs twice adds up."""
        with self.metrics.stage(self.kind, name) as timer:
            yield
        self.took_ms[name] = round(self.took_ms.get(name, 0.0) + timer.elapsed_s * 1000, 3)


class Pipeline:
    """Answers requests from the user's row and the index."""

    def __init__(
        self,
        index: Index,
        facts: ItemFacts,
        vectors: ItemVectors,
        rarity: Rarity,
        fusion: Fusion,
        metrics: Metrics,
        *,
        diversity: float,
    ) -> None:
        self._index = index
        self._searcher = PopularLists(index)
        self._facts = facts
        self._vectors = vectors
        self._rarity = rarity
        self._fusion = fusion
        self._metrics = metrics
        self._diversity = diversity

    async def answer(self, request: Request, user: UserState | None, partition: int, recommendation_id: str) -> Reply:
        """The reply to `request` of the user whose row is `user`, owned with `partition`.

        Raises `BadRecordError` for what can't be answered, `DependencyError` if no source answers.
        """
        stages = Stages(self._metrics, request.kind)
        with stages.stage("hydrate"):
            question = await self._question(request, user, partition)
            planned = plan(question, await self._text(question))
        found, candidates = await self._candidates(question, planned, stages)
        with stages.stage("rank"):
            ranking = rank(candidates, self._fusion, question.situation, request.limit, self._diversity_of(request))
        with stages.stage("explain"):
            items = await present(candidates, ranking, found, question, self._index)
        return Reply(
            recommendation_id=recommendation_id,
            kind=request.kind,
            items=items,
            as_of=question.as_of,
            degraded=found.degraded,
            took_ms=stages.took_ms,
            scenario=request.scenario,
        )

    def _diversity_of(self, request: Request) -> float:
        return self._diversity if request.diversity is None else request.diversity

    async def _question(self, request: Request, user: UserState | None, partition: int) -> Question:
        if request.kind == "similar_items":
            return await ask_for_similar(request, user, self._facts)
        if request.kind == "trending":
            return ask_for_trending(request, user)
        return await ask_for_user(request, user, partition, self._facts)

    async def _text(self, question: Question) -> Vector | None:
        """The dense query: the user's taste, or the middle of the items asked about."""
        if question.situation.kind == "similar_items":
            vectors = list((await self._vectors.of(question.request.item_ids)).values())
            middle = unit(np.sum(vectors, axis=0, dtype=np.float32)) if vectors else None
            return None if middle is None or not middle.any() else self._rarity.turn(middle)
        taste = question.user.taste.direction() if question.recent and question.user else None
        return None if taste is None or len(taste) != self._rarity.dim else self._rarity.turn(taste)

    async def _candidates(self, question: Question, planned: Plan, stages: Stages) -> tuple[Found, Candidates]:
        """Candidates that may be shown, looked for wider and wider until they fill the list."""
        where, width = conditions(question), WIDTH
        while True:
            with stages.stage("retrieve"):
                found = await retrieve(planned, where, self._searcher, width)
            with stages.stage("filter"):
                kept, _ = keep(merge(found), question)
            if len(kept) >= question.request.limit or found.exhausted or width >= WIDEST:
                break
            width = min(width * WIDEN, WIDEST)
        with stages.stage("features"):
            wanted = planned.text is not None or self._diversity_of(question.request) > 0.0
            facts = await self._facts.of(kept)
            vectors = await self._vectors.matrix(list(facts)) if wanted else None
            return found, score(facts, vectors, found, question)
