"""Answers from lists that were computed before: one look-up, and what the catalog says of each item now."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from mode import Service

from workers.errors import ConfigurationError
from workers.items.items import Items
from workers.metrics import Metrics
from workers.recommend.assemble import item_of, titles_of_reasons
from workers.recommend.controls import ControlsOf
from workers.recommend.lists import Lists, read_lists
from workers.recommend.pipeline import Stages
from workers.recommend.question import Answering, Question
from workers.records.experiment import AS_DEPLOYED
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
        items: Items,
        active_version: Callable[[], int | None],
        controls: ControlsOf,
        metrics: Metrics,
    ) -> None:
        self._computing = computing
        self._ready = ready
        self._items = items
        self._active_version = active_version
        self._controls = controls
        self._metrics = metrics

    async def answer(self, question: Question) -> Reply:
        """As `Pipeline.answer`."""
        request = question.request
        if not request.precomputed:
            return await self._computing.answer(question)
        steered = question.settings != AS_DEPLOYED or self._controls(request).rule
        reply = None if steered else self._from_list(request, question.recommendation_id)
        if reply is not None:
            return reply
        computed = await self._computing.answer(question)
        return replace(computed, degraded=(PRECOMPUTED, *computed.degraded))

    def _from_list(self, request: Request, recommendation_id: str) -> Reply | None:
        lists = self._ready.lists
        if lists is None or lists.version != self._active_version() or _is_special(request):
            return None
        stages = Stages(self._metrics, request.kind)
        with stages.stage(PRECOMPUTED):
            [seed] = request.item_ids
            found = self._shown(seed, lists.similar(seed) or {}, request)
        if found is None:
            return None
        titles = titles_of_reasons(found, self._items)
        return Reply(
            recommendation_id, request.kind, found, took_ms=stages.took_ms, scenario=request.scenario, titles=titles
        )

    def _shown(self, seed: str, scores: Mapping[str, float], request: Request) -> tuple[RecommendedItem, ...] | None:
        """The first of the list that may be shown now; None if too few of them are left, or the item itself is gone."""
        table = self._items.table
        available = table.catalog.available(len(table))
        allowed = [
            name
            for name in scores
            if (slot := table.slots.find(name)) is not None and available[slot] and name not in request.exclude
        ]
        chosen = allowed[: request.limit]
        if not table.knows(seed) or len(chosen) < request.limit:
            return None
        return tuple(
            item_of(
                item_id,
                scores[item_id],
                rank,
                (RecommendationReason("similar_to", scores[item_id], seed),) if request.explain else (),
                self._items.entry(item_id),
            )
            for rank, item_id in enumerate(chosen, start=1)
        )


def _is_special(request: Request) -> bool:
    return len(request.item_ids) != 1 or request.filters != Filters() or request.next is not None
