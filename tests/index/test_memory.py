"""The exact index in memory keeps the contract."""

import pytest

from tests.index.builders import SCHEMA, near
from tests.index.contract import IndexContract
from workers.errors import ConfigurationError
from workers.index.memory import MemoryIndex


@pytest.fixture
async def index() -> MemoryIndex:
    index = MemoryIndex()
    await index.ensure(SCHEMA)
    return index


class TestMemoryIndex(IndexContract):
    pass


async def test_index_that_was_never_opened_says_so() -> None:
    with pytest.raises(ConfigurationError, match="ensure"):
        await MemoryIndex().search([near()])
