"""How a request becomes an answer: the stages in their order, each named as its metric's label.

Asking changes no state. What is slow shows in `took_ms` and in the stage's histogram.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace

from models.ranking.fusion import FixedFusion, Fusion
from models.ranking.ranking import rank
from models.state.user_state import UserState
from workers.errors import DependencyError
from workers.index.port import Index
from workers.indexing.vocabulary import Vocabulary
from workers.items.facts import ItemFacts
from workers.items.vectors import ItemVectors
from workers.metrics import Metrics
from workers.recommend.assemble import assemble, titles_of_reasons
from workers.recommend.candidates import Gathered, Sources, gather
from workers.recommend.context import QueryContext, build_context
from workers.recommend.controls import Controls, ControlsOf
from workers.recommend.counterfactual import Counterfactuals
from workers.recommend.dense import dense_queries, near_query
from workers.recommend.paging import next_page
from workers.recommend.plan import plan
from workers.recommend.popular import PopularLists
from workers.recommend.preview import Preview
from workers.recommend.steering import steering
from workers.records.experiment import AS_DEPLOYED, VariantSettings
from workers.records.reply import RecommendedItem, Reply
from workers.records.request import Request

log = logging.getLogger(__name__)

COUNTERFACTUAL = "counterfactual"
_PREVIEW_USER = "preview"
_FIXED = FixedFusion()


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
        controls: ControlsOf,
        learned_space: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`learned_space`: the index's collaborative vectors that answers use at this moment."""
        self._index = index
        self._sources = Sources(index, PopularLists(index), facts, vectors)
        self._facts = facts
        self._vectors = vectors
        self._vocabulary = vocabulary
        self._fusion = fusion
        self._metrics = metrics
        self._controls = controls
        self._learned_space = learned_space

    async def answer(
        self,
        request: Request,
        user: UserState | None,
        partition: int,
        recommendation_id: str,
        settings: VariantSettings = AS_DEPLOYED,
    ) -> Reply:
        """The reply to `request` of the user whose row is `user`, owned with `partition`, as `settings` say.

        Raises `BadRecordError` for what can't be answered, `DependencyError` if no source answers.
        """
        stages = Stages(self._metrics, request.kind)
        with stages.stage("hydrate"):
            context = await build_context(
                request, user, partition, self._facts, recommendation_id, self._over(request, settings)
            )
            dense = await dense_queries(context, self._vectors, self._vocabulary.rarity)
            near = await near_query(context, self._index, self._learned_space())
            planned = plan(context, dense, self._vocabulary.words, near)
        gathered = await gather(context, planned, self._sources, stages.stage)
        found, candidates, wanted = gathered.found, gathered.candidates, context.controls
        with stages.stage("rank"):
            steered = steering(gathered, context)
            fusion = self.fusion_of(wanted)
            ranking = rank(candidates, fusion, context.situation, request.limit, wanted.diversity, steered)
        with stages.stage("explain"):
            items = await assemble(candidates, ranking, found, context, self._index, self._facts)
            titles = await titles_of_reasons(items, self._facts) if request.explain else {}
        missing: tuple[str, ...] = ()
        if request.explain == COUNTERFACTUAL:
            with stages.stage(COUNTERFACTUAL):
                items, missing = await self._with_what_ifs(items, gathered, context, fusion)
        more = items and len(candidates.item_ids) > len(ranking.positions)
        return Reply(
            recommendation_id=context.page.recommendation_id,
            kind=request.kind,
            items=items,
            as_of=context.as_of,
            degraded=(*found.degraded, *missing),
            took_ms=stages.took_ms,
            scenario=request.scenario,
            next=next_page(request, context.page, [item.item_id for item in items]) if more else None,
            titles=titles,
        )

    async def _with_what_ifs(
        self, items: tuple[RecommendedItem, ...], gathered: Gathered, context: QueryContext, fusion: Fusion
    ) -> tuple[tuple[RecommendedItem, ...], tuple[str, ...]]:
        """The items with their `without`, and what is missing: an answer is one without that, too."""
        counterfactuals = Counterfactuals(self._sources, self._vocabulary, fusion)
        try:
            return await counterfactuals.add(items, gathered, context), ()
        except DependencyError as error:
            log.warning("an answer says nothing of what would be without its reasons: %s", error)
            return items, (COUNTERFACTUAL,)

    async def preview(self, user: UserState, now_ms: int, settings: VariantSettings = AS_DEPLOYED) -> Preview:
        """What a user's list at `now_ms` would be made of, in no scenario; to learn from it, or to judge it.

        Raises `DependencyError` if no source answers.
        """
        request = Request(user_id=_PREVIEW_USER, record_time_ms=now_ms)
        context = await build_context(request, user, 0, self._facts, "", self.controls_of(settings))
        dense = await dense_queries(context, self._vectors, self._vocabulary.rarity)
        planned = plan(context, dense, self._vocabulary.words)
        gathered = await gather(context, planned, self._sources, lambda _: nullcontext())
        return Preview(gathered.candidates, context.situation, context.controls, steering(gathered, context))

    def controls_of(self, settings: VariantSettings) -> Controls:
        """What steers a list that is only previewed: as for a request of no scenario, and nothing is explored."""
        return replace(self._over(Request(user_id=_PREVIEW_USER), settings), explore=0.0)

    def fusion_of(self, controls: Controls) -> Fusion:
        """What ranks a list."""
        return _FIXED if controls.ranker == "fixed" else self._fusion

    def _over(self, request: Request, settings: VariantSettings) -> Controls:
        """The variant's settings win over the scenario's rules, the request's own diversity over both."""
        controls = self._controls(request).with_rules(settings)
        return controls if request.diversity is None else replace(controls, diversity=request.diversity)
