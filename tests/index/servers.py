"""Indexes on a stub, valid by default, with a clock that stands still unless the test moves it."""

from infra.qdrant_stub import QdrantStub
from tests.index.builders import SCHEMA, near, numbered
from workers.errors import DependencyError
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def opened(
    stub: QdrantStub, read_timeout_s: float = 5.0, write_timeout_s: float = 5.0, clock: Clock | None = None
) -> QdrantServerIndex:
    """An index with three items, i00002 nearest to `near()`, then i00001 and i00000."""
    options = ServerOptions(stub.url, read_timeout_s=read_timeout_s, write_timeout_s=write_timeout_s)
    index = QdrantServerIndex(options, clock or Clock())
    await index.ensure(SCHEMA)
    await index.upsert(numbered(3))
    return index


async def finds_all(index: QdrantServerIndex) -> bool:
    """Whether the index finds its three items."""
    try:
        return len((await index.search([near()]))[0]) == 3
    except DependencyError:
        return False
