"""A worker for each test module, against the session's broker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder of the module's own."""
    return tmp_path_factory.mktemp("worker")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(broker: str, folder: Path) -> AsyncIterator[Shop]:
    """A client of a worker that runs as long as the module's tests."""
    worker = await Worker(broker, folder).start()
    try:
        async with open_shop(worker) as client:
            yield client
        assert await worker.stop() == 0, worker.log[-4000:]
    finally:
        worker.kill()
