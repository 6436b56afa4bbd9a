"""Writers wait for an index that does not answer, lose nothing, and stop waiting when asked to."""

import asyncio

import pytest

from infra.qdrant_stub import QdrantStub
from tests.index.builders import SCHEMA, followed, numbered, point
from tests.index.contract import IndexContract, ids
from tests.waiting import until
from workers.errors import BadRecordError, ConfigurationError
from workers.index.memory import MemoryIndex
from workers.index.patient import PatientIndex
from workers.index.port import Index
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.index.types import Schema


def patient(index: Index) -> PatientIndex:
    return PatientIndex(index, first_pause_s=0.01, longest_pause_s=0.05)


@pytest.fixture
async def index() -> PatientIndex:
    index = patient(MemoryIndex())
    await index.ensure(SCHEMA)
    return index


class TestPatientIndex(IndexContract):
    pass


async def test_writes_wait_while_the_server_is_away_and_none_is_lost(
    stub: QdrantStub, caplog: pytest.LogCaptureFixture
) -> None:
    index = patient(QdrantServerIndex(ServerOptions(stub.url)))
    await index.ensure(SCHEMA)
    await index.upsert([point("old"), point("changed")])
    await stub.stop()
    writes = asyncio.gather(
        index.upsert(numbered(200)), index.delete(iter(["old"])), index.upsert([point("changed", {"n": 1})])
    )
    await until(lambda: "UNAVAILABLE" in caplog.text)
    assert not writes.done()
    await stub.start()
    await asyncio.wait_for(writes, 20)
    assert len((await index.search([followed(1000)]))[0]) == 200
    assert await index.payloads(iter(["old", "changed"]), ("n",)) == {"changed": {"n": 1}}
    await index.close()


async def test_write_that_hung_half_way_is_repeated_whole(stub: QdrantStub) -> None:
    index = patient(QdrantServerIndex(ServerOptions(stub.url, read_timeout_s=5.0, write_timeout_s=0.2)))
    await index.ensure(SCHEMA)
    stub.hang()
    write = asyncio.create_task(index.upsert(numbered(100)))
    await until(lambda: stub.calls["Upsert"] > 2)
    stub.answer_again()
    await asyncio.wait_for(write, 20)
    assert ids((await index.search([followed(1000)]))[0]) == [f"i{n:05}" for n in range(99, -1, -1)]
    await index.close()


async def test_worker_that_starts_before_its_server_waits_for_it(stub: QdrantStub) -> None:
    await stub.stop()
    index = patient(QdrantServerIndex(ServerOptions(stub.url)))
    opening = asyncio.create_task(index.ensure(SCHEMA))
    await stub.start()
    await asyncio.wait_for(opening, 20)
    await index.upsert([point("x")])
    assert list(await index.payloads(["x"], ())) == ["x"]
    await index.close()


async def test_waiting_ends_when_the_caller_is_cancelled(stub: QdrantStub) -> None:
    index = patient(QdrantServerIndex(ServerOptions(stub.url)))
    await index.ensure(SCHEMA)
    await stub.stop()
    write = asyncio.create_task(index.upsert([point("x")]))
    await asyncio.sleep(0)
    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write
    await index.close()


async def test_what_no_repetition_heals_is_raised_at_once() -> None:
    index = patient(MemoryIndex())
    with pytest.raises(ConfigurationError):
        await index.upsert([point("x")])
    await index.ensure(SCHEMA)
    with pytest.raises(BadRecordError):
        await index.upsert([point("")])
    with pytest.raises(ConfigurationError):
        await index.ensure(Schema())
