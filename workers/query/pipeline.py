"""How a request becomes an answer: the stages in their order, each named as its metric's label.

Asking changes no state. What is slow shows in `took_ms` and in the stage's histogram.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from models.fusion import Fusion, Situation
from models.ranking import Candidates, rank
from models.user_state import UserState
from workers.facts import ItemFacts
from workers.index.filters import OnlyIds
from workers.index.port import Index
from workers.index.validate import MAX_IDS
from workers.metrics import Metrics
from workers.query.dense import dense_queries, near_query
from workers.query.filters import conditions, keep
from workers.query.merge import merge, score
from workers.query.paging import next_page
from workers.query.plan import Plan, plan
from workers.query.popular import PopularLists
from workers.query.present import present
from workers.query.question import Question, ask
from workers.query.retrieve import Found, retrieve, retrieve_second, width_for
from workers.records.reply import Reply
from workers.records.request import Request
from workers.vectors import ItemVectors
from workers.vocabulary import Vocabulary

# Each further look is so many times wider, until there are enough items or none are left.
WIDEN = 7
WIDEST = 10_000
_SOMEBODY = "somebody"

Stage = Callable[[str], AbstractContextManager[None]]


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
        vocabulary: Vocabulary,
        fusion: Fusion,
        metrics: Metrics,
        *,
        diversity: float,
        learned_space: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`learned_space`: the index's collaborative vectors that answers use at this moment."""
        self._index = index
        self._searcher = PopularLists(index)
        self._facts = facts
        self._vectors = vectors
        self._vocabulary = vocabulary
        self._fusion = fusion
        self._metrics = metrics
        self._diversity = diversity
        self._learned_space = learned_space

    async def answer(self, request: Request, user: UserState | None, partition: int, recommendation_id: str) -> Reply:
        """The reply to `request` of the user whose row is `user`, owned with `partition`.

        Raises `BadRecordError` for what can't be answered, `DependencyError` if no source answers.
        """
        stages = Stages(self._metrics, request.kind)
        with stages.stage("hydrate"):
            question = await ask(request, user, partition, self._facts, recommendation_id)
            dense = await dense_queries(question, self._vectors, self._vocabulary.rarity)
            near = await near_query(question, self._index, self._learned_space())
            planned = plan(question, dense, self._vocabulary.words, near)
        found, candidates = await self._candidates(question, planned, stages.stage)
        with stages.stage("rank"):
            ranking = rank(candidates, self._fusion, question.situation, request.limit, self._diversity_of(request))
        with stages.stage("explain"):
            items = await present(candidates, ranking, found, question, self._index, self._facts)
        more = items and len(candidates.item_ids) > len(ranking.places)
        return Reply(
            recommendation_id=question.page.recommendation_id,
            kind=request.kind,
            items=items,
            as_of=question.as_of,
            degraded=found.degraded,
            took_ms=stages.took_ms,
            scenario=request.scenario,
            next=next_page(request, question.page, [item.item_id for item in items]) if more else None,
        )

    async def look(self, user: UserState, now_ms: int) -> tuple[Candidates, Situation]:
        """Candidates for a user at `now_ms` with their raw scores, and their situation; for whoever learns from it.

        Raises `DependencyError` if no source answers.
        """
        request = Request(user_id=_SOMEBODY, record_time_ms=now_ms)
        question = await ask(request, user, 0, self._facts, "")
        dense = await dense_queries(question, self._vectors, self._vocabulary.rarity)
        planned = plan(question, dense, self._vocabulary.words)
        _, candidates = await self._candidates(question, planned, lambda _: nullcontext())
        return candidates, question.situation

    def _diversity_of(self, request: Request) -> float:
        return self._diversity if request.diversity is None else request.diversity

    async def _candidates(self, question: Question, planned: Plan, stage: Stage) -> tuple[Found, Candidates]:
        """Candidates that may be shown, looked for wider and wider until they fill the list and one place more."""
        where, width = conditions(question), width_for(question.request.limit, len(question.page.shown))
        while True:
            with stage("retrieve"):
                found = await retrieve(planned, where, self._searcher, width)
            with stage("filter"):
                kept, _ = keep(merge(found), question)
            if len(kept) > question.request.limit or found.exhausted or width >= WIDEST:
                break
            width = min(width * WIDEN, WIDEST)
        if planned.second and kept:
            with stage("retrieve"):
                only = OnlyIds(frozenset(kept[:MAX_IDS]))
                found = found.with_more(await retrieve_second(planned, (only,), self._index, len(only.item_ids)))
        with stage("features"):
            wanted = bool(planned.dense) or self._diversity_of(question.request) > 0.0
            facts = await self._facts.of(kept, available=question.request.filters.available)
            vectors = await self._vectors.matrix(list(facts)) if wanted else None
            return found, score(facts, vectors, found, question)
