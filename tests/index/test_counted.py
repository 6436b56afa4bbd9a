"""What answers ask of the index is counted: calls, searches, bytes."""

import pytest
from prometheus_client import CollectorRegistry

from infra.qdrant_stub import QdrantStub
from tests.index.builders import SCHEMA, followed, near, numbered
from tests.index.contract import IndexContract
from workers.index.counted import CountedIndex
from workers.index.memory import MemoryIndex
from workers.index.port import TIE_WINDOW
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.metrics import Metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def index(registry: CollectorRegistry) -> CountedIndex:
    index = CountedIndex(MemoryIndex(), Metrics(registry))
    await index.ensure(SCHEMA)
    return index


class TestCountedIndex(IndexContract):
    pass


async def test_calls_and_searches_are_counted(index: CountedIndex, registry: CollectorRegistry) -> None:
    await index.upsert(numbered(5))
    await index.search([near(), followed()])
    await index.search([near()])
    await index.payloads(["i00001"], ())
    await index.list_ids()
    assert [counted(registry, "calls", operation=name) for name in ("search", "payloads", "list_ids")] == [2, 1, 1]
    assert counted(registry, "searches") == 3


async def test_bytes_of_reads_from_a_server_are_counted_and_those_of_writes_are_not(
    stub: QdrantStub, registry: CollectorRegistry
) -> None:
    metrics = Metrics(registry)
    index = QdrantServerIndex(ServerOptions(stub.url, read_timeout_s=5.0, on_read=metrics.count_index_bytes))
    await index.ensure(SCHEMA)
    await index.upsert(numbered(50))
    assert counted(registry, "bytes", direction="sent") == 0
    await index.search([near(10)])
    few = [counted(registry, "bytes", direction=name) for name in ("sent", "received")]
    await index.search([near(40)])
    many = [counted(registry, "bytes", direction=name) for name in ("sent", "received")]
    assert 0 < few[0] < 200 and 0 < few[1] < 60 * (10 + TIE_WINDOW)
    assert many[0] == 2 * few[0] and many[1] >= few[1]
    await index.close()


def counted(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(f"tastestream_index_{name}_total", labels) or 0.0
