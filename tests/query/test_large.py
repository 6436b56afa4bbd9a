"""Very many items in a real Qdrant Edge: a list is full whenever enough items match."""

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import qdrant_edge as edge

from models.primitives.ids import item_key
from models.retrieval.popular_lists import ALL, popularity_index
from models.state.item_state import HALF_LIVES
from tests.agents.dependencies import PARTITIONS
from tests.query.builders import request
from workers.index.edge import EdgeIndex
from workers.items.points import BUYERS, COUNT, DAY_SCORE, EMBEDDING, LABELS, ORDER_SCORES, POPULARITY, TRANSITIONS
from workers.runtime.build_dependencies import build_dependencies
from workers.runtime.dependencies import Dependencies
from workers.settings import Settings

RARE = 100
DIM = 8
SLICE = 1_000


class Large:
    """Dependencies, and `items` items in the index: a hundred are of the category rare, none of them popular."""

    def __init__(self, deps: Dependencies, items: int) -> None:
        self.deps, self.items = deps, items
        self.rare_every = items // RARE

    def is_rare(self, n: int) -> bool:
        return n % self.rare_every == 0

    def popularity(self, n: int) -> float:
        return 0.001 if self.is_rare(n) else 1.0 + n / self.items

    def rare_but(self, *left_out: int) -> set[str]:
        return {name(n) for n in range(0, self.items, self.rare_every)} - {name(n) for n in left_out}

    async def ids(self, **body: Any) -> list[str]:
        reply = await self.deps.pipeline.answer(request(**{"user_id": "nobody", **body}), None, 0, "r1")
        return [item.item_id for item in reply.items]


@pytest_asyncio.fixture(
    scope="module", loop_scope="session", params=[20_000, pytest.param(100_000, marks=pytest.mark.long)]
)
async def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Large]:
    """No row of an item is this worker's own."""
    folder = tmp_path_factory.mktemp("large")
    made = build_dependencies(
        Settings(data_path=folder, vector_dim=DIM, user_partitions=PARTITIONS, item_partitions=PARTITIONS), {}
    )
    made.users.partitions = {partition: made.users.blank_partition() for partition in range(PARTITIONS)}
    await made.index.ensure(made.points.schema)
    made_large = Large(made, request.param)
    fill(made.index, made_large)
    yield made_large
    await made.index.close()


def fill(index: Any, large: Large) -> None:
    """Straight into the shard: the port's checks of each point would take most of the test's time."""
    assert isinstance(index, EdgeIndex)
    vectors = np.random.default_rng(7).normal(size=(large.items, DIM)).astype(np.float32)
    lists = sorted(popularity_index(name, ALL) for name in (*HALF_LIVES, "day"))
    for start in range(0, large.items, SLICE):
        points = [
            edge.Point(
                index._ids.point_id(name(n)),
                {
                    EMBEDDING: vectors[n],
                    POPULARITY: edge.SparseVector(lists, [large.popularity(n)] * len(lists)),
                    TRANSITIONS: edge.SparseVector([item_key("seed") & 0xFFFFFFFF], [1.0 + n]),
                },
                payload(n, large),
            )
            for n in range(start, start + SLICE)
        ]
        index._shard.update(edge.UpdateOperation.upsert_points(points))


def name(n: int) -> str:
    return f"item-{n}"


def payload(n: int, large: Large) -> dict[str, Any]:
    scores = [large.popularity(n)] * len(HALF_LIVES)
    return {
        "item_id": name(n),
        "category": "rare" if large.is_rare(n) else "plenty",
        "available": 1,
        LABELS: [],
        ORDER_SCORES: scores,
        COUNT: 1,
        BUYERS: 0,
        DAY_SCORE: scores[0],
    }


KINDS: list[dict[str, Any]] = [
    {},
    {"kind": "trending"},
    {"kind": "trending", "by": "day"},
    {"kind": "session", "user_id": None, "item_ids": ["item-1", "item-2"]},
    {"kind": "similar_items", "item_ids": ["item-1"]},
    {"kind": "bought_together", "item_ids": ["item-1"]},
]


@pytest.mark.parametrize("body", KINDS, ids=str)
async def test_a_filter_that_few_items_meet_fills_a_list_of_a_hundred(large: Large, body: dict[str, Any]) -> None:
    found = await large.ids(limit=100, filters={"category": "rare"}, **body)
    assert len(found) == RARE and set(found) == large.rare_but()


async def test_ten_thousand_excluded_items_beside_it_leave_just_those_out(large: Large) -> None:
    gone = list(range(0, large.items // 2, large.rare_every))
    excluded = [name(n) for n in gone] + [name(n) for n in range(1, large.items) if n % 7 == 0 and not large.is_rare(n)]
    found = await large.ids(limit=100, filters={"category": "rare"}, exclude=excluded[:10_000])
    assert set(found) == large.rare_but(*gone)


async def test_excluding_the_ten_thousand_most_popular_items_leaves_a_full_list(large: Large) -> None:
    top = sorted(range(large.items), key=lambda n: -large.popularity(n))[:10_000]
    found = await large.ids(limit=100, exclude=[name(n) for n in top])
    assert len(found) == 100 and not set(found) & {name(n) for n in top}


async def test_pages_go_on_until_all_that_match_were_shown(large: Large) -> None:
    shown: list[str] = []
    body: dict[str, Any] = {"kind": "trending", "limit": 30, "filters": {"category": "rare"}}
    token = None
    while True:
        reply = await large.deps.pipeline.answer(request(**body, next=token), None, 0, "r1")
        shown += [item.item_id for item in reply.items]
        token = reply.next
        if token is None:
            break
    assert len(shown) == RARE and set(shown) == large.rare_but()
