"""Answers from lists that were computed before: one look-up, and what the catalog says of each item now."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from mode import Service

from models.state.user_state import UserState
from workers.errors import ConfigurationError, DependencyError
from workers.items.facts import ItemFacts
from workers.metrics import Metrics
from workers.recommend.assemble import item_of, titles_of_reasons
from workers.recommend.controls import ControlsOf
from workers.recommend.fallback import Answering
from workers.recommend.lists import Lists, read_lists
from workers.recommend.pipeline import Stages
from workers.records.experiment import AS_DEPLOYED, VariantSettings
from workers.records.filters import Filters
from workers.records.reply import RecommendationReason, RecommendedItem, Reply
from workers.records.request import Request

log = logging.getLogger(__name__)

PRECOMPUTED = "precomputed"
"""Named in `degraded` by an answer that was asked for from a list and had to be computed."""

# Seconds between polls of the file: so long are answers from the old one after it was replaced.
POLL_EVERY_S = 2.0


class ReadyLists(Service):
    """The lists of a file, read again whenever it is replaced; None while there are none."""

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self.lists: Lists | None = None
        self._path = path
        self._seen: tuple[int, int] | None = None

    async def on_start(self) -> None:
        await self.poll()

    async def poll(self) -> None:
        """Read the file if it is another one than before; one that can't be read leaves the old lists."""
        if self._path is None:
            return
        try:
            stat = self._path.stat()
            if (stat.st_mtime_ns, stat.st_ino) == self._seen:
                return
            self._seen = (stat.st_mtime_ns, stat.st_ino)
            self.lists = await asyncio.to_thread(read_lists, self._path)
            log.info("precomputed lists of %d items, version %s", len(self.lists), self.lists.version)
        except (OSError, ConfigurationError) as error:
            log.warning("precomputed lists: %s", error)

    @Service.task
    async def _poll_forever(self) -> None:
        while not self.should_stop and self._path is not None:
            await self.sleep(POLL_EVERY_S)
            await self.poll()


class PrecomputedPipeline:
    """Answers from a list where a request asks for it; computes as always where no good list is there, and says so.

    A list is good if it was made with the vectors that answer now, and long enough after what was deleted, is
    unavailable or excluded has left it. Filters, pages, several items, and what rules or an experiment's variant steer
    are computed.
    """

    def __init__(
        self,
        computing: Answering,
        ready: ReadyLists,
        facts: ItemFacts,
        active_version: Callable[[], int | None],
        controls: ControlsOf,
        metrics: Metrics,
    ) -> None:
        self._computing = computing
        self._ready = ready
        self._facts = facts
        self._active_version = active_version
        self._controls = controls
        self._metrics = metrics

    async def answer(
        self,
        request: Request,
        user: UserState | None,
        partition: int,
        recommendation_id: str,
        settings: VariantSettings = AS_DEPLOYED,
    ) -> Reply:
        """As `Pipeline.answer`."""
        if not request.precomputed:
            return await self._computing.answer(request, user, partition, recommendation_id, settings)
        steered = settings != AS_DEPLOYED or self._controls(request).rule
        try:
            reply = None if steered else await self._from_list(request, recommendation_id)
        except DependencyError as error:
            log.debug("what other workers' items are like can't be read: %s", error)
            reply = None
        if reply is not None:
            return reply
        computed = await self._computing.answer(request, user, partition, recommendation_id, settings)
        return replace(computed, degraded=(PRECOMPUTED, *computed.degraded))

    async def _from_list(self, request: Request, recommendation_id: str) -> Reply | None:
        lists = self._ready.lists
        if lists is None or lists.version != self._active_version() or _is_special(request):
            return None
        stages = Stages(self._metrics, request.kind)
        with stages.stage(PRECOMPUTED):
            [seed] = request.item_ids
            items = await self._items(seed, lists.similar(seed) or {}, request)
        if items is None:
            return None
        titles = await titles_of_reasons(items, self._facts)
        return Reply(
            recommendation_id, request.kind, items, took_ms=stages.took_ms, scenario=request.scenario, titles=titles
        )

    async def _items(
        self, seed: str, scores: Mapping[str, float], request: Request
    ) -> tuple[RecommendedItem, ...] | None:
        """The first of the list that may be shown now; None if too few of them are left, or the item itself is gone."""
        facts = await self._facts.of([seed, *scores])
        allowed = [name for name in scores if name in facts and facts[name].available and name not in request.exclude]
        chosen = allowed[: request.limit]
        display_fields = await self._facts.display_fields(chosen)
        if seed not in facts or len(display_fields) < request.limit:
            return None
        explained = request.explain
        return tuple(
            item_of(
                item_id,
                scores[item_id],
                rank,
                (RecommendationReason("similar_to", scores[item_id], seed),) if explained else (),
                display_fields[item_id],
            )
            for rank, item_id in enumerate(chosen, start=1)
        )


def _is_special(request: Request) -> bool:
    return len(request.item_ids) != 1 or request.filters != Filters() or request.next is not None
