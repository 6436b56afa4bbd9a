"""The worker's HTTP server: aiohttp's, with bounds of ours on connections and time, and errors as JSON (sockets).

Whatever arrives, an error is one line of log at most, and a connection that does nothing ends.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from aiohttp.web_log import AccessLogger
from mode import Service

from workers.errors import BadRecordError, ConfigurationError
from workers.messages.seldom import Seldom
from workers.records.codes import HttpFailure
from workers.records.reply import ErrorReply, encode_reply, error_reply

log = logging.getLogger(__name__)

# Seconds until a connection ends that waits for a request, or for the rest of its head. Longer: dead clients hold
# descriptors; shorter: clients that ask once a minute connect each time.
IDLE_S = 60.0
# Seconds for a client to take its answer, and to send the rest of a body that is not wanted any more.
TAKEN_WITHIN_S, REST_WITHIN_S = 10.0, 2.0
# Connections open at once; beyond, the oldest that waits for a request ends. More: a process has 1,024 descriptors
# on many machines, and Kafka and the index need theirs.
MOST_CONNECTIONS = 512
# Seconds for answers in progress when the worker stops.
STOP_WITHIN_S = 2.0
# Seconds between log lines on clients that send something else than HTTP.
SAY_EVERY_S = 10.0

_CODES = {404: HttpFailure.NOT_FOUND, 405: HttpFailure.METHOD_NOT_ALLOWED}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpServer(Service):
    """Serves `routes` from the start of the service to its end; `port` 0 takes a free one."""

    def __init__(self, bind: str, port: int, routes: Sequence[web.RouteDef], *, idle_s: float = IDLE_S) -> None:
        super().__init__()
        self._bind, self._port = bind, port
        self._idle_s = idle_s
        application = web.Application(middlewares=[_marked_busy])
        application.add_routes(routes)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_WITHIN_S)
        self._listening: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        return int(self._listening.sockets[0].getsockname()[1]) if self._listening else self._port

    @property
    def connections(self) -> int:
        """Open ones."""
        return len(self._runner.server.connections) if self._runner.server else 0

    async def on_start(self) -> None:
        """Listen; raises ConfigurationError for an address that can't be had."""
        await self._runner.setup()
        server, seldom = self._runner.server, Seldom(SAY_EVERY_S)
        assert server is not None, "set up"
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                lambda: _Connection(server, self._idle_s, seldom), self._bind, self._port
            )
        except OSError as error:
            raise ConfigurationError(
                f"port {self._port} of {self._bind} can't be used ({_reason(error)}): end the process that has it, or "
                "set TASTESTREAM_WEB_PORT or TASTESTREAM_WEB_BIND to another"
            ) from error

    async def on_shutdown(self) -> None:
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()


def _reason(error: OSError) -> str:
    # asyncio words the system's errors at length; those of names that can't be looked up have numbers of their own.
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error.strerror)


class _Connection(web.RequestHandler):
    """One connection: aiohttp ends it when it is idle, this when there are too many or its client takes nothing."""

    def __init__(self, server: web.Server, idle_s: float, seldom: Seldom) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=idle_s,
            lingering_time=REST_WITHIN_S,
            access_log=None,  # type: ignore[arg-type]  # as AppRunner hands it on
            access_log_class=AccessLogger,
            logger=log,
        )
        self._server = server
        self._seldom = seldom
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        _end_one_too_many([one for one in self._server.connections if isinstance(one, _Connection)])

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        answer = _as_json(request, resp) if isinstance(resp, web.HTTPException) else resp
        try:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                return await super().finish_response(request, answer, start_time)
        except TimeoutError:
            if isinstance(self.transport, asyncio.WriteTransport):
                self.transport.abort()
            return answer, True

    def log_exception(self, *args: Any, exc_info: BaseException | None = None) -> None:
        """For what is ours alone: aiohttp also finds out here that the rest of a refused body is no good."""
        if not isinstance(exc_info, web.RequestPayloadError | ConnectionError):
            log.error(*args, exc_info=exc_info)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if status >= 500:
            log.error("%s %s failed", request.method, request.path, exc_info=exc)
            answer = _answer(status, error_reply(exc if isinstance(exc, Exception) else RuntimeError(message)))
        else:
            what = " ".join((message or str(exc)).split())
            if (left_out := self._seldom()) is not None:
                log.info("no HTTP from %s: %s%s", request.remote, what, f" ({left_out} more)" if left_out else "")
            answer = _answer(status, error_reply(BadRecordError(HttpFailure.INVALID_HTTP, what)))
        answer.force_close()
        return answer


def _end_one_too_many(connections: Sequence[_Connection]) -> None:
    open_ones = [one for one in connections if one.transport is not None]
    if len(open_ones) > MOST_CONNECTIONS:
        waiting = (one for one in open_ones if not one.busy)
        next(waiting, open_ones[-1]).force_close()


@web.middleware
async def _marked_busy(request: web.Request, handler: Handler) -> web.StreamResponse:
    connection = request.protocol
    assert isinstance(connection, _Connection), "HttpServer makes them"
    connection.busy = True
    try:
        return await handler(request)
    finally:
        connection.busy = False


def _as_json(request: web.BaseRequest, error: web.HTTPException) -> web.Response:
    code = _CODES.get(error.status, HttpFailure.INVALID_HTTP)
    what = f"{request.method} {request.path[:64]}: {error.reason}"
    answer = _answer(error.status, error_reply(BadRecordError(code, what)))
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    return answer


def _answer(status: int, reply: ErrorReply) -> web.Response:
    return web.Response(status=status, body=encode_reply(reply), content_type="application/json")
