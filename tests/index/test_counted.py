"""What answers ask of the index is counted: calls, searches, and points that bring more than their id."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from tests.index.builders import SCHEMA, followed, near, numbered
from tests.index.contract import IndexContract
from workers.index.counted import CountedIndex
from workers.index.memory import MemoryIndex
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
    assert counted(registry) == {"search": 2.0, "get": 0.0, "searches": 3.0, "loaded": 0.0}


async def test_points_with_payload_or_vectors_are_counted_and_bare_ids_are_not(
    index: CountedIndex, registry: CollectorRegistry
) -> None:
    await index.upsert(numbered(5))
    await index.search([near(4), replace(near(3), payload=True), replace(near(2), vectors=("text",))])
    await index.get(["i00001"], payload=False)
    await index.get(["i00001", "unknown"])
    assert counted(registry) == {"search": 1.0, "get": 2.0, "searches": 3.0, "loaded": 6.0}


def counted(registry: CollectorRegistry) -> dict[str, float]:
    def value(name: str, **labels: str) -> float:
        return registry.get_sample_value(f"tastestream_index_{name}_total", labels) or 0.0

    return {
        "search": value("calls", operation="search"),
        "get": value("calls", operation="get"),
        "searches": value("searches"),
        "loaded": value("points_loaded"),
    }
