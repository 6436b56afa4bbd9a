"""The shelf holds what is most popular, as the rows are; answers come from it while the index is away."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
import pytest_asyncio

from models.retrieval.popular_lists import ALL, popularity_query
from models.state.evidence import Evidence
from tests.agents.dependencies import DIM, NOW_MS, PARTITIONS, partition_for
from tests.query.builders import CLUSTER, request, two_clusters
from workers.errors import DependencyError
from workers.index.types import Query
from workers.items.points import COUNT, EMBEDDING
from workers.items.rows import ItemRow
from workers.items.vectors import ItemVectors
from workers.recommend.popular import PopularLists
from workers.recommend.shelf import Shelf
from workers.runtime.build_dependencies import for_shared_index
from workers.runtime.dependencies import Dependencies

HALF_LIFE = 50_000
LATER = 10**7
POPULAR = Query("popularity", popularity_query(HALF_LIFE, ALL), 100)
REDS = [f"red-{n}" for n in range(CLUSTER)]


@pytest_asyncio.fixture
async def deps() -> AsyncIterator[Dependencies]:
    async with two_clusters() as made:
        yield made


async def shelf_of(deps: Dependencies, size: int) -> Shelf:
    shelf = Shelf(deps.items, deps.points, deps.scheduler, DIM, PARTITIONS, lambda: False, size=size)
    await shelf.on_start()
    await shelf.refresh()
    return shelf


async def held(shelf: Shelf) -> list[str]:
    [hits] = await shelf.index.search([POPULAR])
    return [hit.item_id for hit in hits]


def row_of(deps: Dependencies, item_id: str) -> ItemRow:
    row = deps.items.partitions[partition_for(item_id)].get(item_id)
    assert row is not None
    return row


async def test_the_shelf_holds_the_most_popular_items_in_the_order_of_the_index(deps: Dependencies) -> None:
    [hits] = await deps.index.search([POPULAR])
    wanted = [hit.item_id for hit in hits]
    scores = {item_id: row_of(deps, item_id).order_scores()[-1] for item_id in wanted}
    few = await held(await shelf_of(deps, size=5))
    assert len(few) == 5
    assert min(scores[item_id] for item_id in few) >= max(s for item_id, s in scores.items() if item_id not in few)
    assert await held(await shelf_of(deps, size=100)) == wanted


async def test_items_that_change_or_go_do_so_on_the_shelf(deps: Dependencies) -> None:
    shelf = await shelf_of(deps, size=100)
    before = (await shelf.vectors.of(["red-1"]))["red-1"]
    row_of(deps, "red-0").describe(None, offset=LATER)
    row_of(deps, "red-1").describe(orjson.dumps({"item_id": "red-1", "title": "another"}), offset=LATER + 1)
    await shelf.renew()
    assert "red-0" not in await held(shelf)
    found = (await shelf.index.get(["red-1"], vectors=(EMBEDDING,)))["red-1"]
    assert (found.payload or {})["title"] == "another"
    assert (await shelf.vectors.of(["red-1"]))["red-1"].tolist() != before.tolist()


async def test_items_of_partitions_that_went_away_leave_the_shelf(deps: Dependencies) -> None:
    shelf = await shelf_of(deps, size=100)
    gone = partition_for("red-0")
    del deps.items.partitions[gone]
    await shelf.refresh()
    assert {partition_for(item_id) for item_id in await held(shelf)} == {1 - gone}


async def test_only_what_changed_is_made_again(deps: Dependencies, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = await shelf_of(deps, size=100)
    made: list[str] = []
    point = deps.points.point

    def counted(item_id: str, row: ItemRow) -> object:
        made.append(item_id)
        return point(item_id, row)

    monkeypatch.setattr(deps.points, "point", counted)
    row_of(deps, "blue-3").describe(orjson.dumps({"item_id": "blue-3", "title": "new"}), offset=LATER)
    await shelf.refresh()
    assert made == ["blue-3"]


async def test_evidence_is_taken_when_the_shelf_is_needed_and_not_before(
    deps: Dependencies, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = await shelf_of(deps, size=100)
    row = row_of(deps, "blue-3")
    before = row.use.count
    row.learn(Evidence("blue-3", (0, 10**9), 10**9, NOW_MS, 1.0, True, np.array([1], dtype=np.uint32)))

    async def shown() -> int:
        found = (await shelf.index.get(["blue-3"], payload=(COUNT,)))["blue-3"]
        return int((found.payload or {})[COUNT])

    await shelf.refresh()
    assert await shown() == before
    await shelf.renew()
    assert await shown() == before + 1


class Away:
    """An index that does not answer, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def search(self, *asked: object, **how: object) -> object:
        self.asked += 1
        raise DependencyError("away")

    get = search


async def without_index(deps: Dependencies, *, known_to_be_away: bool) -> tuple[Dependencies, Away]:
    """The dependencies of a worker whose index is away, with a full shelf."""
    index = Away()
    pipeline: Any = deps.pipeline
    pipeline._index = index
    pipeline._sources = replace(pipeline._sources, index=index, searcher=PopularLists(index))  # type: ignore[arg-type]
    if known_to_be_away:
        deps.index_audit.behind = True
    made = for_shared_index(deps, ItemVectors(index, DIM), index)  # type: ignore[arg-type]
    assert made.shelf is not None
    await made.shelf.on_start()
    await made.shelf.refresh()
    return made, index


async def answer(deps: Dependencies, **body: object) -> object:
    asked = request(**body)
    partition = partition_for(asked.subject)
    user = deps.users.partitions[partition].get(asked.subject)
    return await deps.pipeline.answer(asked, user, partition, "r1")


async def test_answers_without_the_index_are_personal_and_say_so(deps: Dependencies) -> None:
    made, index = await without_index(deps, known_to_be_away=False)
    reply = await answer(made, limit=CLUSTER - 2)
    assert {item.item_id for item in reply.items} == set(REDS[2:])  # type: ignore[attr-defined]
    assert reply.degraded == ("index",)  # type: ignore[attr-defined]
    assert index.asked > 0


async def test_an_index_known_to_be_away_is_not_asked(deps: Dependencies) -> None:
    made, index = await without_index(deps, known_to_be_away=True)
    for body in ({}, {"user_id": "nobody"}, {"kind": "trending"}, {"kind": "similar_items", "item_ids": ["red-1"]}):
        assert (await answer(made, **body)).degraded == ("index",)  # type: ignore[attr-defined]
    assert index.asked == 0


async def test_items_of_other_workers_can_be_asked_about_and_are_not_called_unknown(deps: Dependencies) -> None:
    made, _ = await without_index(deps, known_to_be_away=True)
    del made.items.partitions[partition_for("red-1")]
    assert made.shelf is not None
    await made.shelf.refresh()
    reply = await answer(made, kind="similar_items", item_ids=["red-1"], limit=3)
    assert len(reply.items) == 3  # type: ignore[attr-defined]


async def test_a_removed_item_is_not_shown_although_the_shelf_still_has_it(deps: Dependencies) -> None:
    made, _ = await without_index(deps, known_to_be_away=True)
    row_of(made, "red-2").describe(None, offset=LATER)
    reply = await answer(made, limit=100)
    assert "red-2" not in {item.item_id for item in reply.items}  # type: ignore[attr-defined]


async def test_folding_takes_vectors_of_our_own_rows_and_leaves_out_those_of_others(deps: Dependencies) -> None:
    wanted = (await ItemVectors(deps.index, DIM).of(["red-1"]))["red-1"]
    made, _ = await without_index(deps, known_to_be_away=False)
    found = await made.vectors.of(["red-1", "nowhere"])
    assert found.keys() == {"red-1"}
    assert found["red-1"] == pytest.approx(wanted, abs=1e-6)
    del made.items.partitions[partition_for("red-1")]
    assert await made.vectors.of(["red-1"]) == {}
