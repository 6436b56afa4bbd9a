"""`POST /v1/recommendations` (HTTP): the body and the reply of the Kafka topics, answered by the worker that is asked.

A user whose row is with another worker is refused with 421: ask the others, or use Kafka, where requests find
their worker. So is a question about items that only another worker's index has: ask the others. What was shown goes
to `recommendations-served` as with Kafka, behind the answer.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

import faust
from aiohttp.web import HTTPRequestEntityTooLarge
from faust.web import Request as WebRequest
from faust.web import Response, View

from workers.answers import answer
from workers.errors import BadRecordError, DependencyError, TasteStreamError
from workers.parts import Parts
from workers.records.codes import Reason, RequestFailure
from workers.records.headers import ReplyTo
from workers.records.reply import ErrorReply, Reply, encode_reply, error_reply
from workers.records.request import Request, decode_request
from workers.records.wire import MAX_VALUE_BYTES
from workers.served import served_key, served_line

log = logging.getLogger(__name__)

PATH = "/v1/recommendations"
# Requests in progress; more are told to come back, so that bodies and waiting clients stay bounded.
MOST_AT_ONCE = 64
# Seconds for a body to arrive: a client that never finishes must not keep others out.
BODY_WITHIN_S = 10.0
# Lines for `recommendations-served` that Kafka has not acknowledged. Beyond, answers go on and say so.
MOST_UNLOGGED = 1_000
NOT_LOGGED = "served_log"

_STATUS: dict[str, int] = {
    RequestFailure.UNKNOWN_ITEM: 404,
    RequestFailure.DEADLINE_PASSED: 408,
    Reason.TOO_LARGE: 413,
    Reason.WRONG_PARTITION: 421,
    RequestFailure.PARTIAL_CATALOG: 421,
    RequestFailure.INTERNAL_ERROR: 500,
    RequestFailure.NOT_READY: 503,
}


class HttpApi:
    """Answers bodies of requests; `is_ready` says whether the worker has its state."""

    def __init__(self, parts: Parts, is_ready: Callable[[], bool]) -> None:
        self._parts = parts
        self._is_ready = is_ready
        self._asked = 0
        self._logging: set[asyncio.Task[None]] = set()

    async def handle(self, read: Callable[[], Awaitable[bytes]]) -> tuple[int, bytes]:
        """Status and JSON of the reply to the request whose body `read` fetches."""
        started, kind = time.perf_counter(), "unknown"
        self._asked += 1
        try:
            self._check_room()
            body = await _body(read)
            with self._parts.turns.answering():
                request = decode_request(body, None, int(time.time() * 1000))
                kind = request.kind
                answered = await answer(request, uuid.uuid4().hex, self._parts)
            reply: Reply | ErrorReply = self._logged(answered, request)
        except TasteStreamError as error:
            reply = error_reply(_told(error))
        except Exception as error:
            log.exception("a request over HTTP failed")
            reply = error_reply(error)
        finally:
            self._asked -= 1
        self._count(reply, kind, time.perf_counter() - started)
        return _status(reply), encode_reply(reply)

    def _check_room(self) -> None:
        if not self._is_ready():
            raise BadRecordError(RequestFailure.NOT_READY, "the worker is reading its state: ask again in a second")
        if self._asked > MOST_AT_ONCE:
            raise BadRecordError(RequestFailure.NOT_READY, f"{MOST_AT_ONCE} requests are in progress: ask again")

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
            await self._parts.replies.send(ReplyTo(self._parts.topics.recommendations_served), key, line)
        except (BadRecordError, DependencyError) as error:
            log.warning("an answer given over HTTP is missing on recommendations-served: %s", error)

    def _count(self, reply: Reply | ErrorReply, kind: str, seconds: float) -> None:
        outcome = "ok" if isinstance(reply, Reply) else str(reply.error.code)
        self._parts.metrics.observe_request(kind, "http", outcome, seconds)
        if isinstance(reply, Reply):
            self._parts.metrics.count_reply(kind, reply.variant, bool(reply.degraded))


def attach(app: faust.App, api: HttpApi) -> None:
    """Serve the page on Faust's web server, in the worker's own event loop."""

    class Recommendations(View):
        """The page; other methods than POST get Faust's 405."""

        async def post(self, request: WebRequest) -> Response:
            status, content = await api.handle(request.read)
            return self.bytes(content, content_type="application/json", status=status)

    app.page(PATH, name="recommendations")(Recommendations)


async def _body(read: Callable[[], Awaitable[bytes]]) -> bytes:
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await read()
    except HTTPRequestEntityTooLarge:
        raise BadRecordError(Reason.TOO_LARGE, f"the body has more than {MAX_VALUE_BYTES} bytes") from None
    except TimeoutError:
        raise BadRecordError(
            RequestFailure.DEADLINE_PASSED, f"the body did not arrive within {BODY_WITHIN_S} s: send it again"
        ) from None


def _told(error: TasteStreamError) -> TasteStreamError:
    if isinstance(error, DependencyError):
        return BadRecordError(RequestFailure.NOT_READY, "the index does not answer: ask again")
    return error


def _status(reply: Reply | ErrorReply) -> int:
    return 200 if isinstance(reply, Reply) else _STATUS.get(str(reply.error.code), 400)
