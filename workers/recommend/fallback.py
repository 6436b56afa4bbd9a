"""Answers go on while the index on a server does not answer: from the shelf, and saying so."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import nan
from typing import Protocol

from models.state.item_state import HALF_LIVES
from models.state.user_state import UserState
from workers.errors import DependencyError
from workers.index.types import Record
from workers.items.points import AVAILABLE, BUYERS, COUNT, DAY_SCORE, LABELS, ORDER_SCORES, PRICE, TITLE
from workers.records.experiment import AS_DEPLOYED, VariantSettings
from workers.records.reply import Reply
from workers.records.request import Request

log = logging.getLogger(__name__)

INDEX = "index"
"""Named in `degraded` by an answer that does without the index."""


class Answering(Protocol):
    """What the requests agent asks."""

    async def answer(
        self,
        request: Request,
        user: UserState | None,
        partition: int,
        recommendation_id: str,
        settings: VariantSettings = AS_DEPLOYED,
    ) -> Reply:
        """As `Pipeline.answer`."""


class FallbackPipeline:
    """Asks one pipeline over the index or one over the shelf: an answer never mixes them.

    A request that meets the outage waits for the index once; those after it don't wait at all.
    """

    def __init__(self, whole: Answering, shelf: Answering, away: Callable[[], bool]) -> None:
        self._whole = whole
        self._shelf = shelf
        self._away = away

    async def answer(
        self,
        request: Request,
        user: UserState | None,
        partition: int,
        recommendation_id: str,
        settings: VariantSettings = AS_DEPLOYED,
    ) -> Reply:
        """As `Pipeline.answer`; never a `DependencyError` for the index's sake."""
        if not self._away():
            try:
                return await self._whole.answer(request, user, partition, recommendation_id, settings)
            except DependencyError as error:
                log.debug("the shelf answers: %s", error)
        reply = await self._shelf.answer(request, user, partition, recommendation_id, settings)
        return replace(reply, degraded=(INDEX, *reply.degraded))


class Elsewhere:
    """What can be said of other workers' items without the index: they may exist; nothing of them can be shown."""

    async def get(
        self, item_ids: Iterable[str], payload: bool | tuple[str, ...] = True, vectors: tuple[str, ...] = ()
    ) -> dict[str, Record]:
        """As `Index.get`: facts of any item, as of one without interactions."""
        unknown = {COUNT: 0, LABELS: (), ORDER_SCORES: (0.0,) * len(HALF_LIVES), DAY_SCORE: 0.0, BUYERS: 0}
        unknown |= {AVAILABLE: True, PRICE: nan, TITLE: ""}
        if not isinstance(payload, tuple) or not set(payload) <= unknown.keys():
            return {}
        return {item_id: Record(item_id, dict(unknown)) for item_id in item_ids}
