"""The index for those who must not lose a write: waits for as long as the index does not answer."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from workers.errors import DependencyError
from workers.index.port import Index
from workers.index.types import Hit, IdPage, Point, Query, Schema
from workers.messages.waiting import say_what_for

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
"""Longer: ingestion goes on late after the index is back. Shorter: the log fills."""

T = TypeVar("T")


class PatientIndex:
    """Index port that repeats what failed with DependencyError until it succeeds; other errors pass.

    Its callers stop where they are, so nothing is read that could not be kept; a cancelled caller stops waiting.
    """

    def __init__(
        self, index: Index, *, first_pause_s: float = FIRST_PAUSE_S, longest_pause_s: float = LONGEST_PAUSE_S
    ) -> None:
        self._index = index
        self._failing = 0
        self._say = say_what_for(log, "the index answers")
        self._pauses = wait_exponential(multiplier=first_pause_s, max=longest_pause_s)

    @property
    def waits(self) -> bool:
        """Whether a call is being repeated because the index does not answer."""
        return self._failing > 0

    async def ensure(self, schema: Schema) -> None:
        await self._until_done(lambda: self._index.ensure(schema))

    async def upsert(self, points: Sequence[Point]) -> None:
        await self._until_done(lambda: self._index.upsert(points))

    async def delete(self, item_ids: Iterable[str]) -> None:
        ids = list(item_ids)
        await self._until_done(lambda: self._index.delete(ids))

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        return await self._until_done(lambda: self._index.search(queries))

    async def payloads(self, item_ids: Iterable[str], fields: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        ids = list(item_ids)
        return await self._until_done(lambda: self._index.payloads(ids, fields))

    async def list_ids(self, start: str | None = None) -> IdPage:
        return await self._until_done(lambda: self._index.list_ids(start))

    async def close(self) -> None:
        await self._index.close()

    async def _until_done(self, call: Callable[[], Awaitable[T]]) -> T:
        waiting = False
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(DependencyError),
                wait=self._pauses,
                before_sleep=self._say,
                reraise=True,
            ):
                if attempt.retry_state.attempt_number == 2:
                    waiting = True
                    self._failing += 1
                with attempt:
                    return await call()
        finally:
            self._failing -= waiting
        raise AssertionError("unreachable: the retry loop returns or raises")
