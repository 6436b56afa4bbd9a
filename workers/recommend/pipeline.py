"""How a request becomes an answer: the stages in their order, each named as its metric's label.

Asking changes no state. Nothing waits but for the index, once, and only where a kind of request searches it. What is
slow shows in `took_ms` and in the stage's histogram.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from models.ranking.fusion import FixedFusion, Fusion
from models.ranking.ranking import rank
from models.state.user_state import UserState
from workers.errors import DependencyError
from workers.items.items import Items
from workers.metrics import Metrics
from workers.recommend.assemble import assemble, titles_of_reasons
from workers.recommend.candidates import features, retrieve, width_for
from workers.recommend.context import Known, QueryContext
from workers.recommend.controls import Controls, ControlsOf
from workers.recommend.counterfactual import Counterfactuals
from workers.recommend.filters import Allowed, allowed, for_the_index
from workers.recommend.kinds import understood
from workers.recommend.paging import next_page
from workers.recommend.preview import Preview
from workers.recommend.question import Question
from workers.recommend.search import Found, SearchedIndex, search
from workers.recommend.steering import steering
from workers.records.experiment import AS_DEPLOYED, VariantSettings
from workers.records.reply import Reply
from workers.records.request import Request

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
    """Answers requests from the user's row, all items in memory, and what the index finds."""

    def __init__(
        self,
        items: Items,
        index: SearchedIndex,
        fusion: Fusion,
        metrics: Metrics,
        controls: ControlsOf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: lists of popular items are made anew when its seconds change."""
        self._items = items
        self._index = index
        self._fusion = fusion
        self._metrics = metrics
        self._controls = controls
        self._clock = clock

    async def answer(self, question: Question) -> Reply:
        """The reply to a question.

        Raises `BadRecordError` for what can't be answered, `DependencyError` for a search that the index must answer.
        """
        request, items, table = question.request, self._items, self._items.table
        stages = Stages(self._metrics, request.kind)
        with stages.stage("hydrate"):
            known = self._known()
            context = understood(question, self._over(request, question.settings), known)
            fusion = self.fusion_of(context.controls)
        with stages.stage("filter"):
            may = allowed(context, table)
        found = Found()
        if context.searches:
            with stages.stage("search"):
                found = await self._found(context, may)
            with stages.stage("filter"):  # again: items came and went meanwhile
                table.settle()
                may = allowed(context, table)
        with stages.stage("retrieve"):
            retrieved = retrieve(context, found, may, items)
        with stages.stage("features"):
            gathered = features(context, retrieved, table)
        with stages.stage("rank"):
            steered = steering(gathered.slots, context, table)
            limit, diversity = request.limit, context.controls.diversity
            ranking = rank(gathered.candidates, fusion, context.situation, limit, diversity, steered)
        with stages.stage("explain"):
            shown = assemble(gathered, ranking, context, items)
            titles = titles_of_reasons(shown, items) if request.explain else {}
        if request.explain == COUNTERFACTUAL:
            with stages.stage(COUNTERFACTUAL):
                shown = Counterfactuals(known, fusion).add(shown, gathered, context)
        more = shown and len(gathered.slots) > len(ranking.positions)
        return Reply(
            recommendation_id=context.page.recommendation_id,
            kind=request.kind,
            items=shown,
            as_of=context.as_of,
            degraded=found.degraded,
            took_ms=stages.took_ms,
            scenario=request.scenario,
            next=next_page(request, context.page, [item.item_id for item in shown]) if more else None,
            titles=titles,
        )

    def preview(self, user: UserState, now_ms: int, settings: VariantSettings = AS_DEPLOYED) -> Preview:
        """What a user's list at `now_ms` would be made of, in no scenario; to learn from it, or to judge it.

        Without what only a search would bring: of every candidate the taste is known as exactly as in an answer.
        """
        question = Question(Request(user_id=_PREVIEW_USER, record_time_ms=now_ms), "", user)
        context = understood(question, self.controls_of(settings), self._known())
        table = self._items.table
        gathered = features(context, retrieve(context, Found(), allowed(context, table), self._items), table)
        steered = steering(gathered.slots, context, table)
        return Preview(gathered.candidates, context.situation, context.controls, steered)

    def controls_of(self, settings: VariantSettings) -> Controls:
        """What steers a list that is only previewed: as for a request of no scenario, and nothing is explored."""
        return replace(self._over(Request(user_id=_PREVIEW_USER), settings), explore=0.0)

    def fusion_of(self, controls: Controls) -> Fusion:
        """What ranks a list."""
        return _FIXED if controls.ranker == "fixed" else self._fusion

    def _known(self) -> Known:
        self._items.table.settle()
        return Known(self._items, self._index, int(self._clock()))

    async def _found(self, context: QueryContext, may: Allowed) -> Found:
        """What the index finds: an answer does without it, but not one to a search, which nothing else answers."""
        where, wider = for_the_index(context, may, self._items.table)
        found = await search(context.searches, where, width_for(context) * wider, self._index)
        if found.degraded and context.text is not None:
            raise DependencyError("the index does not answer, and nothing else finds a text: ask again")
        return found

    def _over(self, request: Request, settings: VariantSettings) -> Controls:
        """The variant's settings win over the scenario's rules, the request's own diversity over both."""
        controls = self._controls(request).with_rules(settings)
        return controls if request.diversity is None else replace(controls, diversity=request.diversity)
