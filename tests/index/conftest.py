"""Fixtures of the tests of indexes on a server."""

from collections.abc import AsyncIterator

import pytest

from infra.qdrant_stub import QdrantStub


@pytest.fixture
async def stub() -> AsyncIterator[QdrantStub]:
    """A server of the test's own."""
    stub = QdrantStub()
    await stub.start()
    yield stub
    await stub.stop()
