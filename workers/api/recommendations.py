"""`POST /v1/recommendations` (HTTP): the body and the reply of the Kafka topics, answered by the worker that is asked.

A user whose row is with another worker is refused with 421: ask the others, or use Kafka, where requests find
their worker. What was shown goes to `recommendations-served` as with Kafka, behind the answer.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from aiohttp import web

from workers.api.bodies import Bodies, ClientLeftError
from workers.errors import BadRecordError, DependencyError, TasteStreamError
from workers.metrics import Metrics
from workers.recommend.answers import AnswerDependencies, answer
from workers.recommend.replies import ReplySender
from workers.recommend.served import served_key, served_line
from workers.records.codes import Reason, RequestFailure
from workers.records.headers import ReplyTo
from workers.records.reply import ErrorReply, Reply, encode_reply, error_reply
from workers.records.request import Request, decode_request
from workers.topics import Topics

log = logging.getLogger(__name__)

PATH = "/v1/recommendations"
# Requests that are being answered, their bodies complete; more are refused and may retry.
MOST_AT_ONCE = 64
# Lines for `recommendations-served` that Kafka has not acknowledged. Beyond, answers go on and say so.
MOST_UNLOGGED = 1_000
NOT_LOGGED = "served_log"

_STATUS: dict[str, int] = {
    RequestFailure.UNKNOWN_ITEM: 404,
    RequestFailure.DEADLINE_PASSED: 408,
    Reason.TOO_LARGE: 413,
    Reason.WRONG_PARTITION: 421,
    RequestFailure.INTERNAL_ERROR: 500,
    RequestFailure.NOT_READY: 503,
}


class ApiDependencies(AnswerDependencies, Protocol):
    """What this route uses of a worker, beside what answers need."""

    topics: Topics
    metrics: Metrics
    replies: ReplySender


@dataclass(slots=True)
class _Asked:
    """What is counted of a request, as far as it is known."""

    kind: str = "unknown"
    started: float = field(default_factory=time.perf_counter)


class HttpApi:
    """Answers bodies of requests; `is_ready` says whether the worker has its state."""

    def __init__(self, deps: ApiDependencies, is_ready: Callable[[], bool]) -> None:
        self._deps = deps
        self._is_ready = is_ready
        self._answering = 0
        self._logging: set[asyncio.Task[None]] = set()

    def route(self, bodies: Bodies) -> web.RouteDef:
        """The page of the server."""

        async def post(request: web.Request) -> web.Response:
            try:
                status, content = await self.handle(lambda: bodies.read(request))
            except ClientLeftError:
                return web.Response(status=400)  # the client is gone
            return web.Response(status=status, body=content, content_type="application/json")

        return web.post(PATH, post)

    async def handle(self, read: Callable[[], Awaitable[bytes]]) -> tuple[int, bytes]:
        """Status and JSON of the reply to the request whose body `read` fetches.

        Raises ClientLeftError if `read` does: nothing was asked, and nothing is counted.
        """
        asked = _Asked()
        try:
            self._check_ready()
            body = await read()
            asked.started = time.perf_counter()  # what a slow line took is no time of ours
            reply: Reply | ErrorReply = await self._answer(body, asked)
        except ClientLeftError:
            raise
        except TasteStreamError as error:
            reply = error_reply(_as_sent(error))
        except Exception as error:
            log.exception("a request over HTTP failed")
            reply = error_reply(error)
        self._count(reply, asked.kind, time.perf_counter() - asked.started)
        return _status(reply), encode_reply(reply)

    async def _answer(self, body: bytes, asked: _Asked) -> Reply:
        if self._answering >= MOST_AT_ONCE:
            raise BadRecordError(RequestFailure.NOT_READY, f"{MOST_AT_ONCE} requests are in progress: ask again")
        self._answering += 1
        try:
            with self._deps.scheduler.answering():
                request = decode_request(body, None, int(time.time() * 1000))
                asked.kind = request.kind
                answered = await answer(request, uuid.uuid4().hex, self._deps)
            return self._logged(answered, request)
        finally:
            self._answering -= 1

    def _check_ready(self) -> None:
        if not self._is_ready():
            raise BadRecordError(RequestFailure.NOT_READY, "the worker is reading its state: ask again in a second")

    def _logged(self, reply: Reply, request: Request) -> Reply:
        """Have the answer noted on `recommendations-served`, without waiting for it."""
        if len(self._logging) >= MOST_UNLOGGED:
            return replace(reply, degraded=(*reply.degraded, NOT_LOGGED))
        task = asyncio.create_task(self._log_served(served_key(request), served_line(reply, request)))
        self._logging.add(task)
        task.add_done_callback(self._logging.discard)
        return reply

    async def _log_served(self, key: bytes | None, line: bytes) -> None:
        try:
            await self._deps.replies.send(ReplyTo(self._deps.topics.recommendations_served), key, line)
        except (BadRecordError, DependencyError) as error:
            log.warning("an answer given over HTTP is missing on recommendations-served: %s", error)

    def _count(self, reply: Reply | ErrorReply, kind: str, seconds: float) -> None:
        outcome = "ok" if isinstance(reply, Reply) else str(reply.error.code)
        self._deps.metrics.observe_request(kind, "http", outcome, seconds)
        if isinstance(reply, Reply):
            self._deps.metrics.count_reply(kind, reply.variant, bool(reply.degraded))


def _as_sent(error: TasteStreamError) -> TasteStreamError:
    if isinstance(error, DependencyError):
        return BadRecordError(RequestFailure.NOT_READY, "the index does not answer: ask again")
    return error


def _status(reply: Reply | ErrorReply) -> int:
    return 200 if isinstance(reply, Reply) else _STATUS.get(str(reply.error.code), 400)
