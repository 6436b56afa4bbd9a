"""The worker's HTTP server as clients of every kind meet it: real connections, bytes as they choose."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import orjson
import pytest
from aiohttp import web

from infra.ports import HOST
from tests.waiting import until
from workers.api import server as http_server
from workers.api.bodies import Bodies, ClientLeftError
from workers.api.server import HttpServer
from workers.errors import ConfigurationError
from workers.records.wire import MAX_VALUE_BYTES

BODY = b'{"kind":"trending"}'


class Echo:
    """Answers with the length of the body; counts what came of each."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.reading = self.left = 0
        self.release = asyncio.Event()
        self.routes: Sequence[web.RouteDef] = [
            web.post("/echo", self._echo),
            web.get("/broken", self._broken),
            web.get("/large", self._large),
        ]

    async def _echo(self, request: web.Request) -> web.Response:
        self.reading += 1
        try:
            return web.Response(text=str(len(await self._bodies.read(request))))
        except ClientLeftError:
            self.left += 1
            return web.Response(status=400)
        except Exception as error:
            return web.Response(status=400, text=f"{getattr(error, 'code', '')}")

    async def _broken(self, request: web.Request) -> web.Response:
        raise ZeroDivisionError("secret")

    async def _large(self, request: web.Request) -> web.Response:
        return web.Response(body=bytes(64 * 1024 * 1024))


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, content: bytes) -> None:
        self.writer.write(content)

    async def all(self) -> bytes:
        """What comes until the server ends the connection."""
        with suppress(ConnectionResetError):
            return await self.reader.read()
        return b""

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the answer, after which the connection ends."""
        head, _, body = (await self.all()).partition(b"\r\n\r\n")
        assert head, "no answer"
        return int(head.split()[1]), body


@asynccontextmanager
async def serving(bodies: Bodies | None = None, *, idle_s: float = 60.0) -> AsyncIterator[tuple[HttpServer, Echo]]:
    echo = Echo(bodies or Bodies())
    server = HttpServer(HOST, 0, echo.routes, idle_s=idle_s)
    await server.start()
    try:
        yield server, echo
    finally:
        await server.stop()


async def connect(server: HttpServer) -> Client:
    return Client(*await asyncio.open_connection(HOST, server.port))


async def asked(server: HttpServer, content: bytes) -> tuple[int, bytes]:
    client = await connect(server)
    client.send(content)
    return await client.answer()


def post(body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    head = [b"POST /echo HTTP/1.1", b"Host: shop", b"Connection: close", *headers]
    return b"\r\n".join([*head, b"Content-Length: %d" % (len(body) if length is None else length), b"", body])


def get(path: bytes) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n" % path


async def test_bodies_that_never_end_keep_no_other_out_and_the_oldest_give_way() -> None:
    async with serving(Bodies(most=8)) as (server, echo):
        slow = [await connect(server) for _ in range(12)]
        for client in slow:
            client.send(post(b"{", length=100))
        await until(lambda: echo.reading == 12)
        given_up = [await client.answer() for client in slow[:4]]
        assert given_up == [(400, b"deadline_passed")] * 4
        assert await asked(server, post(BODY)) == (200, b"19")
        slow[-1].send(b" " * 99)
        assert await slow[-1].answer() == (200, b"100")


async def test_bodies_that_never_end_hold_no_more_bytes_than_all_may() -> None:
    begun, rest = b" " * 600_000, b" " * 10
    async with serving(Bodies(most_bytes=2_000_000)) as (server, echo):
        slow = [await connect(server) for _ in range(4)]
        for number, client in enumerate(slow, start=1):
            client.send(post(begun, length=len(begun) + len(rest)))
            await until(lambda wanted=number: echo.reading == wanted)
        assert await slow[0].answer() == (400, b"deadline_passed")
        for client in slow[1:]:
            client.send(rest)
            assert await client.answer() == (200, b"600010")


async def test_a_body_that_does_not_come_in_time_is_given_up() -> None:
    async with serving(Bodies(within_s=0.05)) as (server, _):
        assert await asked(server, post(b"{", length=100)) == (400, b"deadline_passed")


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
async def test_a_body_beyond_the_bound_is_refused(announced: bool) -> None:
    content = b" " * (MAX_VALUE_BYTES + 1)
    head = b"POST /echo HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving() as (server, _):
        sent = post(content) if announced else head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
        assert await asked(server, sent) == (400, b"too_large")


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
async def test_a_body_that_is_not_what_its_encoding_says_is_the_clients_error(
    encoding: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as (server, _):
        assert await asked(server, post(b"garbage", b"Content-Encoding: " + encoding)) == (400, b"invalid_body")
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as (server, echo):
        client = await connect(server)
        client.send(post(b"{", length=100))
        await until(lambda: echo.reading == 1)
        client.writer.close()
        await until(lambda: echo.left == 1)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00 rubbish\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=["TLS", "header", "line", "chunk", "length"],
)
async def test_what_is_no_http_gets_json_and_a_line_of_log_at_most(
    rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, http_server.__name__)
    async with serving() as (server, _):
        for _ in range(3):
            status, body = await asked(server, rubbish)
            assert (status, orjson.loads(body)["error"]["code"]) == (400, "invalid_http")
    said = [record for record in caplog.records if record.name == http_server.__name__ and "no HTTP" in record.msg]
    assert len(said) == 1 and "\n" not in said[0].getMessage()
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (get(b"/nowhere"), 404, "not_found"),
        (get(b"/router/users/u1/"), 404, "not_found"),
        (get(b"/echo"), 405, "method_not_allowed"),
        (post(BODY, b"Expect: a miracle"), 417, "invalid_http"),
        (get(b"/broken"), 500, "internal_error"),
    ],
)
async def test_every_error_is_the_same_json(request_: bytes, status: int, code: str) -> None:
    async with serving() as (server, _):
        found, body = await asked(server, request_)
        error = orjson.loads(body)["error"]
        assert (found, error["code"]) == (status, code)
        assert error["message"] and "secret" not in error["message"]


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /echo HTTP/1.1\r\nHost: sh", b"GET /nowhere HTTP/1.1\r\nHost: shop\r\n\r\n"],
    ids=["nothing", "half a head", "a whole request before"],
)
async def test_a_connection_that_waits_for_nothing_ends(begun: bytes) -> None:
    async with serving(idle_s=0.1) as (server, _):
        client = await connect(server)
        client.send(begun)
        assert (b"404" in await client.all()) == begun.endswith(b"\r\n\r\n")


async def test_a_head_that_trickles_does_not_keep_its_connection() -> None:
    async with serving(idle_s=0.2) as (server, _):
        client = await connect(server)
        client.send(b"GET / HTTP/1.1\r\n")

        async def ended() -> bool:
            client.send(b"x: y\r\n")
            return client.reader.at_eof() or client.reader.exception() is not None

        await until(ended)


async def test_beyond_so_many_connections_the_oldest_idle_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MOST_CONNECTIONS", 5)
    async with serving() as (server, echo):
        busy = await connect(server)
        busy.send(post(b"{", length=20))
        await until(lambda: echo.reading == 1)
        idle = [await connect(server) for _ in range(4)]
        assert await asked(server, post(BODY)) == (200, b"19")
        assert await idle[0].all() == b""
        busy.send(b" " * 19)
        assert await busy.answer() == (200, b"20")


async def test_a_client_that_does_not_take_its_answer_loses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "TAKEN_WITHIN_S", 0.1)
    async with serving() as (server, _):
        client = await connect(server)
        client.send(get(b"/large"))
        await until(lambda: server.connections == 1)
        await until(lambda: server.connections == 0)


async def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    async with serving() as (server, _):
        with pytest.raises(ConfigurationError, match=f"port {server.port} .* TASTESTREAM_WEB_PORT"):
            await HttpServer(HOST, server.port, []).start()
