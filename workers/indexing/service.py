"""Opens the index before anything else of a worker starts, and closes it after everything else has stopped.

A server may be absent at any time, the start included: the worker goes on without it and finds it again.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from mode import Service

from workers.errors import DependencyError
from workers.index.indexes import Indexes
from workers.index.port import Index
from workers.index.types import Schema

if TYPE_CHECKING:
    from workers.index.server import QdrantServerIndex

log = logging.getLogger(__name__)

# How long a start waits for a server. Longer delays answers that are possible without it.
FIRST_PROBE_S = 2.0
# Seconds between probes of a server that answers, and at one that does not: so long are answers degraded after it
# is back.
PROBE_EVERY_S, PROBE_AWAY_EVERY_S = 1.0, 0.25
# A server that was silent for longer may be another one since; a shorter silence is one slow answer.
SUSPICIOUS_S = 2.0
# An id that no item has is read as well as any other.
_PROBE_ID = "tastestream-looks-whether-the-index-answers"


class IndexService(Service):
    """The life of an index in this process is that of the worker."""

    def __init__(self, index: Index, schema: Schema) -> None:
        super().__init__()
        self._index = index
        self._schema = schema

    @property
    def away(self) -> bool:
        """Whether answers must do without the index."""
        return False

    async def on_start(self) -> None:
        await self._index.ensure(self._schema)

    async def on_shutdown(self) -> None:
        await self._index.close()


class ServerIndexService(IndexService):
    """Keeps probing the server, so that no answer has to wait to find out whether it is back.

    `on_return` is called whenever the server is back after it was lost, and after the first time it is found.
    """

    def __init__(
        self, server: "QdrantServerIndex", ingest: Index, schema: Schema, on_return: Callable[[], None]
    ) -> None:
        super().__init__(server, schema)
        self._server = server
        self._ingest = ingest
        self._on_return = on_return
        self._checked = False
        self._known_breaks = 0
        self._silent_since: float | None = None

    @property
    def away(self) -> bool:
        """Whether the server does not answer, or did not since, and its collection has not been checked again."""
        return not (self._checked and self._server.answers and self._server.breaks == self._known_breaks)

    async def on_start(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._probe(), FIRST_PROBE_S)
        if self.away:
            log.warning("the index server does not answer: the worker goes on without it, answers are degraded")

    async def on_shutdown(self) -> None:
        await self._ingest.close()
        await self._server.close()

    @Service.task
    async def _probe_forever(self) -> None:
        while not self.should_stop:
            await self.sleep(PROBE_AWAY_EVERY_S if self.away else PROBE_EVERY_S)
            await self._probe()

    async def _probe(self) -> None:
        try:
            if not self._checked or self._server.breaks != self._known_breaks:
                await self._check()
            await self._server.payloads([_PROBE_ID], ())
        except DependencyError as error:
            log.debug("no answer from the index server: %s", error)
            self._note_silence()
        else:
            self._silent_since = None

    async def _check(self) -> None:
        """Open the collection again, which may have been lost or replaced, and have it compared with our rows."""
        breaks = self._server.breaks
        self._checked = False
        # Both are asked to open before one of them fails: their users get an error that says to wait.
        opening = (self._server.ensure(self._schema), self._ingest.ensure(self._schema))
        for failure in await asyncio.gather(*opening, return_exceptions=True):
            if isinstance(failure, BaseException):
                raise failure
        self._known_breaks, self._checked = breaks, True
        log.info("the index server answers: its items are compared with ours")
        self._on_return()

    def _note_silence(self) -> None:
        now = self.loop.time()
        self._silent_since = now if self._silent_since is None else self._silent_since
        # An error that is an answer, such as a collection that is gone, is not healed by waiting either.
        if self._server.answers or now - self._silent_since > SUSPICIOUS_S:
            self._checked = False


def index_service(indexes: Indexes, schema: Schema, on_return: Callable[[], None]) -> IndexService:
    """The service that fits the kind of index."""
    if indexes.server is None:
        return IndexService(indexes.ingest, schema)
    return ServerIndexService(indexes.server, indexes.ingest, schema, on_return)
