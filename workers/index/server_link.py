"""The connection to a Qdrant server (gRPC): deadlines, the breaker, and what its errors mean to us.

The API key goes to the client and nowhere else: it is in no message, representation or log line.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from grpc import ChannelConnectivity, StatusCode
from grpc.aio import AioRpcError, Channel
from qdrant_client import grpc
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.connection import get_async_channel

from workers.errors import BadRecordError, ConfigurationError, DependencyError, TasteStreamError
from workers.index.breaker import Breaker, Clock

log = logging.getLogger(__name__)

GRPC_PORT = 6334
OLDEST = (1, 18)
"""The client is tested against servers up to two minor versions older; before 1.17 vectors came back in another
form, which would be read as none."""

# gRPC's own pauses between attempts to connect grow to 2 minutes: answers would stay degraded as long.
_CHANNEL = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 1_000,
    "grpc.max_reconnect_backoff_ms": 2_000,
    # A machine that vanished without closing its connection is noticed after both, not after TCP's 15 minutes.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 5_000,
}
# Answers are degraded for so long after the server is back; asking more often gains nothing.
LONGEST_PAUSE_S = 1.0
_UNANSWERED = {StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.RESOURCE_EXHAUSTED}
_FORBIDDEN = {StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED}

Call = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where the server is and how long to wait for it.

    `url` is http(s)://host:port of its gRPC port; `ca_file` (PEM) replaces the system's authorities. Searches
    have `read_timeout_s`, so that a request can still be answered without them; writes and set-up have more.
    """

    url: str
    collection: str = "tastestream"
    api_key: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    read_timeout_s: float = 0.2
    write_timeout_s: float = 10.0
    on_read: Callable[[int, int], None] = lambda sent, received: None
    """Told the bytes of each request that reads, and of its reply."""


class _Connection:
    """What one channel offers; `lost` is called whenever it loses its server."""

    def __init__(self, channel: Channel, lost: Callable[[], None]) -> None:
        self.root = grpc.QdrantStub(channel)  # type: ignore[no-untyped-call]
        self.points = grpc.PointsStub(channel)  # type: ignore[no-untyped-call]
        self.collections = grpc.CollectionsStub(channel)  # type: ignore[no-untyped-call]
        self._channel = channel
        self._lost = lost
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        self._watching.cancel()
        await self._channel.close()

    async def _watch(self) -> None:
        """A server may go and come back, with older data, between two calls: no call fails then."""
        state = self._channel.get_state()
        while state is not ChannelConnectivity.SHUTDOWN:
            await self._channel.wait_for_state_change(state)
            if state is ChannelConnectivity.READY:
                self._lost()
            state = self._channel.get_state()


class ServerLink:
    """Calls to one server. Reads give up early and share a breaker; writes wait long, and their caller repeats them."""

    def __init__(self, options: ServerOptions, clock: Clock = time.monotonic) -> None:
        self.collection = options.collection
        self._options = options
        self._secure, self._address = _address(options.url)
        self.name = f"the Qdrant server at {self._address[0]}:{self._address[1]}"
        self.breaks = 0
        """Lost connections and calls that met no server: it may be another one since, or hold older data."""
        self._breaker = Breaker(self.name, _is_unanswered, longest_pause_s=LONGEST_PAUSE_S, clock=clock)
        self._connection: _Connection | None = None

    async def open(self) -> None:
        """Connect; ConfigurationError for a server that is too old, DependencyError if none answers."""
        if self._connection is None:
            self._connection = _Connection(self._new_channel(), self._count_break)
        health = self._connection.root.HealthCheck
        found = (await self.write("asking for its version", health, grpc.HealthCheckRequest())).version
        if _version(found) < OLDEST:
            raise ConfigurationError(
                f"{self.name} has version {found}, needed is {OLDEST[0]}.{OLDEST[1]} or newer, because older ones "
                "return vectors in a form that is read as none: update the server"
            )

    async def close(self) -> None:
        """Let go of the connection; a second call does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    @property
    def answers(self) -> bool:
        """Whether the last read was answered, for all that is known."""
        return not self._breaker.is_open

    @property
    def points(self) -> grpc.PointsStub:
        """The server's calls on points; ConfigurationError before `open`."""
        return self._opened().points

    @property
    def collections(self) -> grpc.CollectionsStub:
        """The server's calls on collections; ConfigurationError before `open`."""
        return self._opened().collections

    async def read(self, action: str, call: Call, request: Any) -> Any:
        """Ask within the read deadline; DependencyError at once while the server is known not to answer."""

        async def guarded() -> Any:
            with self._breaker.guard():
                reply = await call(request, timeout=self._options.read_timeout_s)
            self._options.on_read(request.ByteSize(), reply.ByteSize())
            return reply

        return await self._made(action, guarded)

    async def write(self, action: str, call: Call, request: Any) -> Any:
        """Make a change, or a read that has time, within the long deadline."""
        return await self._made(action, lambda: call(request, timeout=self._options.write_timeout_s))

    async def _made(self, action: str, call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await call()
        except AioRpcError as error:
            raise self._translated(action, error) from error
        except ResourceExhaustedResponse as error:
            raise DependencyError(f"{self.name}: {action} was refused, too many requests: {error}") from error

    def _translated(self, action: str, error: AioRpcError) -> TasteStreamError:
        code, details = error.code(), error.details()
        if code is StatusCode.UNAVAILABLE:
            self._count_break()
        what = f"{self.name}: {action} failed: {code.name}, {details}"
        if code is StatusCode.INVALID_ARGUMENT:
            return BadRecordError("refused_by_index", what)
        if code in _FORBIDDEN:
            return ConfigurationError(f"{what}; check the API key")
        if code in _UNANSWERED:
            return DependencyError(f"{what}; is it up, and is this its gRPC port?")
        return DependencyError(what)

    def _count_break(self) -> None:
        self.breaks += 1

    def _opened(self) -> _Connection:
        if self._connection is None:
            raise ConfigurationError(f"{self.name} is not connected: call ensure(schema) first")
        return self._connection

    def _new_channel(self) -> Channel:
        key = self._options.api_key
        if key is not None and not (key.isascii() and key.isprintable()):
            # gRPC would quote the key in its own error.
            raise ConfigurationError(
                f"the API key for {self.name} has characters that can't be sent: look for a line break"
            )
        if key is not None and not self._secure:
            log.warning("the API key for %s goes over the network unencrypted: use https", self.name)
        host, port = self._address
        options: dict[str, Any] = dict(_CHANNEL)
        if self._options.ca_file is not None:
            options["root_certificates"] = _read(self._options.ca_file)
        metadata = [] if key is None else [("api-key", key)]
        return get_async_channel(host, port, self._secure, metadata, options)


def _address(url: str) -> tuple[bool, tuple[str, int]]:
    """Whether to use TLS, and (host, port)."""
    parts = urlsplit(url)
    try:
        port = parts.port or GRPC_PORT
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or port < 0:
        raise ConfigurationError("the address of the Qdrant server is not http(s)://host:port of its gRPC port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return parts.scheme == "https", (host, port)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the certificate file {file} can't be read: {error.strerror}") from error


def _version(text: str) -> tuple[int, int]:
    """Major and minor; a development build counts as its version."""
    major, minor, *_ = (*text.split("."), "0")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def _is_unanswered(error: Exception) -> bool:
    if isinstance(error, AioRpcError):
        return error.code() in _UNANSWERED
    return isinstance(error, ResourceExhaustedResponse)
