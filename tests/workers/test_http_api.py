"""Answers over HTTP without a server: what is refused before anything is computed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import pytest_asyncio
from prometheus_client import generate_latest

from tests.waiting import until
from tests.workers.answering import answering_deps
from workers.api.bodies import ClientLeftError
from workers.api.recommendations import MOST_AT_ONCE, MOST_UNLOGGED, NOT_LOGGED, HttpApi
from workers.errors import DependencyError
from workers.recommend.question import Answering
from workers.records.reply import Reply
from workers.runtime.dependencies import Dependencies

BODY = b'{"kind":"trending"}'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> AsyncIterator[Dependencies]:
    async with answering_deps() as made:
        yield made


async def body() -> bytes:
    return BODY


async def code_of(api: HttpApi) -> tuple[int, str]:
    status, content = await api.handle(body)
    return status, orjson.loads(content)["error"]["code"]


async def test_a_worker_that_has_not_its_state_yet_says_so(deps: Dependencies) -> None:
    assert await code_of(HttpApi(deps, lambda: False)) == (503, "not_ready")


class Held:
    """A pipeline that answers when it may."""

    def __init__(self, pipeline: Answering) -> None:
        self._pipeline = pipeline
        self.asked = 0
        self.release = asyncio.Event()

    async def answer(self, *asked: Any) -> Reply:
        self.asked += 1
        await self.release.wait()
        return await self._pipeline.answer(*asked)


async def test_beyond_so_many_at_once_clients_are_told_to_come_back(deps: Dependencies) -> None:
    held = Held(deps.pipeline)
    api = HttpApi(replace(deps, pipeline=held), lambda: True)
    waiting = [asyncio.create_task(api.handle(body)) for _ in range(MOST_AT_ONCE)]
    await until(lambda: held.asked == MOST_AT_ONCE)
    assert await code_of(api) == (503, "not_ready")
    held.release.set()
    assert {status for status, _ in await asyncio.gather(*waiting)} == {200}


async def test_bodies_that_are_on_their_way_take_no_place_from_requests(deps: Dependencies) -> None:
    api = HttpApi(deps, lambda: True)
    arrives, reading = asyncio.Event(), 0

    async def slow() -> bytes:
        nonlocal reading
        reading += 1
        await arrives.wait()
        return BODY

    waiting = [asyncio.create_task(api.handle(slow)) for _ in range(MOST_AT_ONCE)]
    await until(lambda: reading == MOST_AT_ONCE)
    assert (await api.handle(body))[0] == 200
    arrives.set()
    assert {status for status, _ in await asyncio.gather(*waiting)} == {200}


async def test_a_client_that_leaves_before_its_body_is_complete_is_counted_as_nothing(deps: Dependencies) -> None:
    async def leaves() -> bytes:
        raise ClientLeftError

    def counted() -> list[bytes]:
        lines = generate_latest(deps.metrics.registry).splitlines()
        return [line for line in lines if line.startswith(b"tastestream_request_duration_seconds_count")]

    before = counted()
    with pytest.raises(ClientLeftError):
        await HttpApi(deps, lambda: True).handle(leaves)
    assert counted() == before


async def test_an_index_that_is_away_is_a_503(deps: Dependencies) -> None:
    class Away:
        async def answer(self, *_: object) -> None:
            raise DependencyError("the index is away")

    api = HttpApi(replace(deps, pipeline=Away()), lambda: True)  # type: ignore[arg-type]
    assert await code_of(api) == (503, "not_ready")


async def test_answers_go_on_and_say_so_when_too_many_lines_wait_for_the_served_log(deps: Dependencies) -> None:
    acknowledged, waiting = asyncio.Event(), 0

    class Slow:
        async def send(self, *_: object) -> None:
            nonlocal waiting
            waiting += 1
            await acknowledged.wait()

    api = HttpApi(replace(deps, replies=Slow()), lambda: True)  # type: ignore[arg-type]
    for _ in range(MOST_UNLOGGED):
        status, content = await api.handle(body)
    assert (status, orjson.loads(content).get("degraded", [])) == (200, [])
    status, content = await api.handle(body)
    assert (status, orjson.loads(content)["degraded"]) == (200, [NOT_LOGGED])
    await until(lambda: waiting == MOST_UNLOGGED)
    acknowledged.set()
