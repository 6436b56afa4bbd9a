"""The index on a Qdrant server keeps the contract, on its own gRPC interface over qdrant-client's local mode.

Also on a real server when `QDRANT_URL` is set to http(s)://host:port of its gRPC port (and `QDRANT_API_KEY`, if
it asks for one).
"""

import os
import uuid
from collections.abc import AsyncIterator

import pytest
from qdrant_client import grpc

from infra.qdrant_stub import QdrantStub
from tests.index.builders import SCHEMA, near, numbered
from tests.index.contract import IndexContract, ids
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerLink, ServerOptions
from workers.index.types import Schema

REAL = os.environ.get("QDRANT_URL")
# Local mode works through 10,000 points in Python, on this event loop: far beyond a request's deadline.
UNHURRIED_S = 30.0


@pytest.fixture(scope="module")
async def shared_stub() -> AsyncIterator[QdrantStub]:
    stub = QdrantStub()
    await stub.start()
    yield stub
    await stub.stop()


def unhurried(url: str, api_key: str | None = None) -> ServerOptions:
    """Options of a collection of the test's own."""
    name = f"tastestream-test-{uuid.uuid4().hex}"
    return ServerOptions(url, name, api_key, read_timeout_s=UNHURRIED_S, write_timeout_s=UNHURRIED_S)


async def opened(options: ServerOptions, schema: Schema = SCHEMA) -> QdrantServerIndex:
    index = QdrantServerIndex(options)
    await index.ensure(schema)
    return index


@pytest.fixture(params=["stub"] if REAL is None else ["stub", "real"])
async def index(request: pytest.FixtureRequest, shared_stub: QdrantStub) -> AsyncIterator[QdrantServerIndex]:
    options = unhurried(shared_stub.url)
    if request.param == "real":
        options = unhurried(str(REAL), os.environ.get("QDRANT_API_KEY"))
    index = await opened(options)
    yield index
    await index.close()
    if request.param == "real":
        await drop(options)


async def drop(options: ServerOptions) -> None:
    link = ServerLink(options)
    await link.open()
    await link.write("drop", link.collections.Delete, grpc.DeleteCollection(collection_name=options.collection))
    await link.close()


class TestServerIndex(IndexContract):
    pass


async def test_contract_was_kept_on_a_real_server_too() -> None:
    if REAL is None:
        pytest.skip("QDRANT_URL not set: real server not run")
    options = unhurried(REAL, os.environ.get("QDRANT_API_KEY"))
    index = await opened(options)
    await index.upsert(numbered(3))
    assert ids((await index.search([near()]))[0]) == ["i00002", "i00001", "i00000"]
    await drop(options)
    await index.close()
