"""The connection to a Qdrant server (gRPC): deadlines, the breaker, and what its errors mean to us.

The API key goes to the client and nowhere else: it is in no message, representation or log line.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from grpc import StatusCode
from grpc.aio import AioRpcError
from qdrant_client import AsyncQdrantClient, grpc
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

from workers.errors import BadRecordError, ConfigurationError, DependencyError, TasteStreamError
from workers.index.breaker import Breaker, Clock

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
# Answers are degraded for so long after the server is back; asking more often helps nobody.
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


class ServerLink:
    """Calls to one server. Reads give up early and share a breaker; writes wait long, and their caller repeats them."""

    def __init__(self, options: ServerOptions, clock: Clock = time.monotonic) -> None:
        self.collection = options.collection
        self._options = options
        self._secure, self._address = _address(options.url)
        self.name = f"the Qdrant server at {self._address[0]}:{self._address[1]}"
        self.breaks = 0
        """Calls that met no server: it may be another one since, or hold older data."""
        self._breaker = Breaker(self.name, _is_unanswered, longest_pause_s=LONGEST_PAUSE_S, clock=clock)
        self._client: AsyncQdrantClient | None = None

    async def open(self) -> None:
        """Connect; ConfigurationError for a server that is too old, DependencyError if none answers."""
        client = self._client = self._client or self._new_client()
        found = (await self._made("asking for its version", client.info)).version
        if _version(found) < OLDEST:
            raise ConfigurationError(
                f"{self.name} has version {found}, needed is {OLDEST[0]}.{OLDEST[1]} or newer, because older ones "
                "return vectors in a form that is read as none: update the server"
            )

    async def close(self) -> None:
        """Let go of the connection; a second call does nothing."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    @property
    def answers(self) -> bool:
        """Whether the last read was answered, for all that is known."""
        return not self._breaker.is_open

    @property
    def points(self) -> grpc.PointsStub:
        """The server's calls on points; ConfigurationError before `open`."""
        return self._opened().grpc_points

    @property
    def collections(self) -> grpc.CollectionsStub:
        """The server's calls on collections; ConfigurationError before `open`."""
        return self._opened().grpc_collections

    async def read(self, action: str, call: Call, request: Any) -> Any:
        """Ask within the read deadline; DependencyError at once while the server is known not to answer."""

        async def guarded() -> Any:
            with self._breaker.guard():
                return await call(request, timeout=self._options.read_timeout_s)

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
        self.breaks += code is StatusCode.UNAVAILABLE
        what = f"{self.name}: {action} failed: {code.name}, {details}"
        if code is StatusCode.INVALID_ARGUMENT:
            return BadRecordError("refused_by_index", what)
        if code in _FORBIDDEN:
            return ConfigurationError(f"{what}; check the API key")
        if code in _UNANSWERED:
            return DependencyError(f"{what}; is it up, and is this its gRPC port?")
        return DependencyError(what)

    def _opened(self) -> AsyncQdrantClient:
        if self._client is None:
            raise ConfigurationError(f"{self.name} is not connected: call ensure(schema) first")
        return self._client

    def _new_client(self) -> AsyncQdrantClient:
        options = self._options
        key = options.api_key
        if key is not None and not (key.isascii() and key.isprintable()):
            # gRPC would quote the key in its own error.
            raise ConfigurationError(
                f"the API key for {self.name} has characters that can't be sent: look for a line break"
            )
        channel: dict[str, Any] = dict(_CHANNEL)
        if options.ca_file is not None:
            channel["root_certificates"] = _read(options.ca_file)
        return AsyncQdrantClient(
            host=self._address[0],
            grpc_port=self._address[1],
            https=self._secure,
            prefer_grpc=True,
            api_key=key,
            timeout=int(max(1, options.write_timeout_s)),
            grpc_options=channel,
            pool_size=1,
            check_compatibility=False,
        )


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
