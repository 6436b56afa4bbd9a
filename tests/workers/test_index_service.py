"""The service of an index on a server: it opens what comes late, and has what comes back compared."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.qdrant_stub import QdrantStub
from tests.index.conftest import stub
from tests.waiting import until
from workers.errors import ConfigurationError, DependencyError
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.index.types import DenseSpec, Schema
from workers.indexing.service import ServerIndexService

__all__ = ["stub"]
SCHEMA = Schema(dense={"embedding": DenseSpec(4)})


class Served:
    """A service over a stub, and how often the server was back."""

    def __init__(self, stub: QdrantStub) -> None:
        self.index = QdrantServerIndex(ServerOptions(stub.url, read_timeout_s=0.5, write_timeout_s=1.0))
        self.ingest = QdrantServerIndex(ServerOptions(stub.url, write_timeout_s=1.0))
        self.returns = 0
        self.service = ServerIndexService(self.index, self.ingest, SCHEMA, self._returned)

    def _returned(self) -> None:
        self.returns += 1

    def here(self) -> bool:
        return not self.service.away

    def gone(self) -> bool:
        return self.service.away


@pytest_asyncio.fixture
async def served(stub: QdrantStub) -> AsyncIterator[Served]:
    made = Served(stub)
    yield made
    await made.service.stop()


async def test_a_server_that_is_there_is_open_when_the_service_is(served: Served) -> None:
    await served.service.start()
    await until(served.here)
    assert served.returns == 1


@pytest.mark.parametrize("how", ["absent", "hung"])
async def test_a_start_without_the_server_goes_on_and_finds_it_later(
    served: Served,
    stub: QdrantStub,
    how: str,
) -> None:
    if how == "absent":
        await stub.stop()
    else:
        stub.hang()
    await served.service.start()
    assert served.gone() and served.returns == 0
    for index in (served.index, served.ingest):
        with pytest.raises(DependencyError):
            await index.payloads(["a"], ())
    if how == "absent":
        await stub.start()
    else:
        stub.answer_again()
    await until(served.here)
    assert served.returns == 1
    assert await served.ingest.payloads(["a"], ()) == {}


async def test_a_server_that_went_away_is_compared_after_its_return(served: Served, stub: QdrantStub) -> None:
    await served.service.start()
    await until(served.here)
    await stub.stop()
    await until(served.gone)
    await stub.start()
    await until(served.here)
    assert served.returns > 1


async def test_a_slow_answer_is_not_taken_for_another_server(served: Served, stub: QdrantStub) -> None:
    await served.service.start()
    await until(served.here)
    stub.hang()
    with pytest.raises(DependencyError):
        await served.index.payloads(["a"], ())
    assert served.gone()
    stub.answer_again()
    await until(served.here)
    assert served.returns == 1


async def test_a_collection_that_is_gone_is_made_again(served: Served, stub: QdrantStub) -> None:
    await served.service.start()
    stub.local.delete_collection("tastestream")
    await until(lambda: served.returns == 2)
    await until(served.here)
    assert await served.index.payloads(["a"], ()) == {}


async def test_a_collection_of_another_schema_ends_the_start(served: Served, stub: QdrantStub) -> None:
    other = QdrantServerIndex(ServerOptions(stub.url))
    await other.ensure(Schema(dense={"embedding": DenseSpec(8)}))
    await other.close()
    with pytest.raises(ConfigurationError, match="to another name"):
        await served.service.start()
