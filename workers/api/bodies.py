"""Bodies of requests while they arrive: each has a deadline, and all together are bounded in number and bytes.

The oldest gives way to the newest: clients that never finish hold up neither memory nor those that do.
"""

import asyncio
from dataclasses import dataclass

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import BaseRequest, RequestPayloadError

from workers.errors import BadRecordError
from workers.records.codes import HttpFailure, Reason, RequestFailure
from workers.records.wire import MAX_VALUE_BYTES

# Seconds for a body to arrive. Longer: slow clients hold memory; shorter: a bad line loses requests.
BODY_WITHIN_S = 10.0
# Bodies that are incomplete at once, and their bytes. More: memory for any client; fewer: bursts lose requests.
MOST_BODIES = 256
MOST_BODY_BYTES = 32 * 1024 * 1024


class ClientLeftError(Exception):
    """The connection ended before the body did: there is no client to answer, and no request."""


@dataclass(slots=True, eq=False)
class _Arriving:
    deadline: asyncio.Timeout
    content: bytearray


class Bodies:
    """Reads bodies; the bounds are of all reads of one instance."""

    def __init__(
        self, *, within_s: float = BODY_WITHIN_S, most: int = MOST_BODIES, most_bytes: int = MOST_BODY_BYTES
    ) -> None:
        self._within_s = within_s
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._arriving: dict[_Arriving, None] = {}  # in the order in which they began

    async def read(self, request: BaseRequest) -> bytes:
        """The whole body, decompressed.

        Raises BadRecordError for one that is late, too large or can't be decoded, ClientLeftError.
        """
        try:
            async with asyncio.timeout(self._within_s) as deadline:
                return await self._all_parts(request, _Arriving(deadline, bytearray()))
        except TimeoutError:
            raise BadRecordError(
                RequestFailure.DEADLINE_PASSED,
                f"the body did not arrive within {self._within_s:g} s, or newer ones took its place: send it again",
            ) from None
        except ConnectionError as error:
            raise ClientLeftError from error
        except (RequestPayloadError, HttpProcessingError) as error:
            raise BadRecordError(HttpFailure.INVALID_BODY, f"the body can't be decoded: {_cause(error)}") from None

    async def _all_parts(self, request: BaseRequest, one: _Arriving) -> bytes:
        if (request.content_length or 0) > MAX_VALUE_BYTES:
            raise _too_large()
        self._arriving[one] = None
        try:
            self._make_room()
            async for part in request.content.iter_any():
                self._add(one, part)
            return bytes(one.content)
        finally:
            self._drop(one)

    def _add(self, one: _Arriving, part: bytes) -> None:
        if len(one.content) + len(part) > MAX_VALUE_BYTES:
            raise _too_large()
        if one in self._arriving:  # else it gave way, and its task has not run since
            one.content += part
            self._bytes += len(part)
            self._make_room()

    def _make_room(self) -> None:
        while len(self._arriving) > self._most or self._bytes > self._most_bytes:
            oldest = next(iter(self._arriving))
            self._drop(oldest)
            oldest.deadline.reschedule(asyncio.get_running_loop().time())

    def _drop(self, one: _Arriving) -> None:
        if one in self._arriving:
            del self._arriving[one]
            self._bytes -= len(one.content)


def _too_large() -> BadRecordError:
    return BadRecordError(Reason.TOO_LARGE, f"the body has more than {MAX_VALUE_BYTES} bytes")


def _cause(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split())
