"""What the index on a server does when the server hangs, is slow, is away, or refuses."""

from collections.abc import Awaitable, Callable

import pytest
from grpc import StatusCode

from infra.qdrant_stub import QdrantStub
from tests.index.builders import SCHEMA, near, numbered, point
from tests.index.contract import ids
from tests.index.servers import Clock, finds_all, opened
from tests.waiting import until
from workers.errors import BadRecordError, ConfigurationError, DependencyError, TasteStreamError
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions


async def test_hung_server_is_asked_once_and_then_not_until_the_pause_is_over(stub: QdrantStub) -> None:
    clock = Clock()
    index = await opened(stub, read_timeout_s=0.1, clock=clock)
    stub.hang()
    with pytest.raises(DependencyError, match="DEADLINE_EXCEEDED"):
        await index.search([near()])
    for _ in range(5):
        with pytest.raises(DependencyError, match="did not answer just now"):
            await index.search([near()])
        with pytest.raises(DependencyError, match="did not answer just now"):
            await index.payloads(["i00001"], ())
    assert (stub.calls["QueryBatch"], stub.calls["Get"]) == (1, 1)  # one Get: that of the collection
    clock.now_s += 10.0
    with pytest.raises(DependencyError, match="DEADLINE_EXCEEDED"):
        await index.search([near()])
    assert stub.calls["QueryBatch"] == 2
    await index.close()


async def test_server_that_answers_again_is_asked_again(stub: QdrantStub) -> None:
    clock = Clock()
    index = await opened(stub, read_timeout_s=0.5, clock=clock)
    stub.hang()
    assert not await finds_all(index)
    stub.answer_again()
    clock.now_s += 10.0
    assert await finds_all(index)
    assert await finds_all(index)
    await index.close()


async def test_slow_server_fails_searches_and_takes_writes(stub: QdrantStub) -> None:
    index = await opened(stub, read_timeout_s=0.1, write_timeout_s=10.0)
    stub.delay_s = 0.5
    with pytest.raises(DependencyError, match="DEADLINE_EXCEEDED"):
        await index.search([near()])
    await index.upsert([point("x")])
    await index.delete(["i00000"])
    assert stub.local.count("tastestream").count == 3
    await index.close()


async def test_server_that_went_away_and_came_back_is_found_again(stub: QdrantStub) -> None:
    clock = Clock()
    index = await opened(stub, clock=clock)
    await stub.stop()
    with pytest.raises(DependencyError, match="UNAVAILABLE"):
        await index.search([near()])
    with pytest.raises(DependencyError, match="UNAVAILABLE"):
        await index.upsert(numbered(3))
    await stub.start()

    async def found_again() -> bool:
        clock.now_s += 10.0
        return await finds_all(index)

    await until(found_again)
    await index.close()


async def test_a_server_that_went_and_came_back_between_two_calls_counts_as_lost(stub: QdrantStub) -> None:
    index = await opened(stub)
    assert index.breaks == 0
    await stub.stop()
    await stub.start()
    await until(lambda: index.breaks > 0)
    assert await finds_all(index)
    known = index.breaks
    assert await finds_all(index)
    assert index.breaks == known
    await index.close()


async def test_large_batch_goes_in_runs_of_64_and_the_last_of_an_item_wins(stub: QdrantStub) -> None:
    index = await opened(stub)
    before = stub.calls["Upsert"]
    await index.upsert([*numbered(300), point("i00000", {"n": "last"})])
    assert stub.calls["Upsert"] - before == 5
    assert await index.payloads(["i00000"], ("n",)) == {"i00000": {"n": "last"}}
    await index.close()


async def test_names_are_read_from_the_points_after_a_restart_and_then_remembered(stub: QdrantStub) -> None:
    await (await opened(stub)).close()
    index = QdrantServerIndex(ServerOptions(stub.url, read_timeout_s=5.0))
    await index.ensure(SCHEMA)
    before = stub.calls["Get"]
    for _ in range(3):
        assert ids((await index.search([near()]))[0]) == ["i00002", "i00001", "i00000"]
    assert stub.calls["Get"] - before == 1
    await index.close()


async def test_item_deleted_between_search_and_its_name_is_left_out(
    stub: QdrantStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await opened(stub)
    index = QdrantServerIndex(ServerOptions(stub.url, read_timeout_s=5.0))
    await index.ensure(SCHEMA)
    before_call(stub, "Get", lambda: other.delete(["i00001"]), monkeypatch)
    assert ids((await index.search([near()]))[0]) == ["i00002", "i00000"]
    await index.close()
    await other.close()


def before_call(
    stub: QdrantStub, method: str, act: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have something happen just before the server takes a call."""
    let_pass = stub.let_pass

    async def act_first(called: str, metadata: dict[str, str | bytes]) -> tuple[StatusCode, str] | None:
        if called == method:
            await act()
        return await let_pass(called, metadata)

    monkeypatch.setattr(stub, "let_pass", act_first)


async def test_write_that_is_taken_but_not_applied_is_no_success(stub: QdrantStub) -> None:
    index = await opened(stub)
    stub.applies_in_time = False
    with pytest.raises(DependencyError, match="WaitTimeout"):
        await index.upsert(numbered(3))
    with pytest.raises(DependencyError, match="WaitTimeout"):
        await index.delete(["i00001"])
    await index.close()


REFUSALS: list[tuple[StatusCode, type[TasteStreamError], bool]] = [
    (StatusCode.INVALID_ARGUMENT, BadRecordError, False),
    (StatusCode.UNAUTHENTICATED, ConfigurationError, False),
    (StatusCode.PERMISSION_DENIED, ConfigurationError, False),
    (StatusCode.NOT_FOUND, DependencyError, False),
    (StatusCode.INTERNAL, DependencyError, False),
    (StatusCode.UNAVAILABLE, DependencyError, True),
    (StatusCode.RESOURCE_EXHAUSTED, DependencyError, True),
]


@pytest.mark.parametrize(("code", "meaning", "counts_as_outage"), REFUSALS, ids=[row[0].name for row in REFUSALS])
async def test_refusal_means_what_a_caller_can_do_about_it(
    stub: QdrantStub, code: StatusCode, meaning: type[TasteStreamError], counts_as_outage: bool
) -> None:
    index = await opened(stub)
    stub.refusal = (code, "because of the test")
    with pytest.raises(meaning, match="because of the test"):
        await index.search([near()])
    stub.refusal = None
    assert await finds_all(index) is not counts_as_outage
    await index.close()
