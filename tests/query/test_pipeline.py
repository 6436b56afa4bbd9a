"""From request to answer over the memory index: explained to the last digit, and never short for one failed source."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from models.primitives.ids import sparse_index
from models.primitives.sparse import SparseVector
from models.ranking.fusion import fuse_with
from tests.agents.dependencies import chunk_of_records, json_record, partition_for
from tests.query.builders import CLUSTER, World, answer, request, two_clusters
from workers.agents import catalog
from workers.errors import BadRecordError, DependencyError
from workers.index.types import Hit, Query
from workers.recommend.context import build_context
from workers.recommend.filters import conditions, keep
from workers.recommend.merge import merge, score
from workers.recommend.pipeline import Pipeline
from workers.recommend.plan import plan
from workers.recommend.retrieve import retrieve

TRANSITIONS, COOCCURRENCE = "transitions", "cooccurrence"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> AsyncIterator[World]:
    async with two_clusters() as made:
        yield made


def ids(reply: Any) -> list[str]:
    return [item.item_id for item in reply.items]


async def test_a_user_gets_the_rest_of_the_cluster_first(deps: World) -> None:
    found = ids(await answer(deps, limit=CLUSTER - 2))
    assert set(found) == {f"red-{n}" for n in range(2, CLUSTER)}


async def test_everything_else_fills_a_longer_list(deps: World) -> None:
    assert len(ids(await answer(deps, limit=100))) == 2 * CLUSTER - 2


async def test_excluded_and_asked_items_are_left_out(deps: World) -> None:
    assert "red-2" not in ids(await answer(deps, exclude=["red-2"], limit=100))
    assert "red-5" not in ids(await answer(deps, kind="similar_items", item_ids=["red-5"], limit=100))


async def test_an_item_that_is_not_in_the_catalog_cannot_be_asked_about(deps: World) -> None:
    with pytest.raises(BadRecordError) as refused:
        await answer(deps, kind="similar_items", item_ids=["nowhere"])
    assert refused.value.code == "unknown_item"


async def test_asking_changes_nothing(deps: World) -> None:
    first = await answer(deps, limit=20, explain=True)
    again = await answer(deps, limit=20, explain=True)
    assert again.items == first.items


@pytest.mark.parametrize("taken", ["red-0", "red-1"])
async def test_taking_one_item_of_the_history_away_lowers_each_score_by_what_it_contributed(
    deps: World, taken: str
) -> None:
    pipeline, user = deps.pipeline, deps.users.partitions[_partition()].get("u")
    asked = request(limit=100, explain=True)
    context = await build_context(asked, user, _partition(), pipeline._facts, "r1")
    planned = plan(context, {}, pipeline._vocabulary.words)
    found = await retrieve(planned, conditions(context), deps.index, 100)
    facts = await pipeline._facts.of(keep(merge(found), context)[0])
    full = score(facts, None, found, context)
    fused = pipeline._fusion.fuse(full.scores, context.situation)

    for source in (TRANSITIONS, COOCCURRENCE):
        planned.searches[source] = [(source, _without(planned.queries[source].vector, taken))]
    less = await retrieve(planned, conditions(context), deps.index, 100)
    again = fuse_with(fused.units, score(facts, None, less, context).scores)

    contributed = dict.fromkeys(facts, 0.0)
    for item in (await _explained(pipeline, asked, user)).items:
        contributed[item.item_id] = sum(r.contribution for r in item.reasons if r.item_id == taken)
    assert any(contributed.values())
    for position, name in enumerate(full.item_ids):
        assert fused.scores[position] - again.scores[position] == pytest.approx(contributed[name], abs=1e-6)


async def test_contributions_sum_to_the_score_for_every_kind(deps: World) -> None:
    for body in ({}, {"user_id": "nobody"}, {"kind": "trending"}, {"kind": "similar_items", "item_ids": ["red-1"]}):
        for item in (await answer(deps, explain=True, limit=100, **body)).items:
            assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-9)


class Failing:
    """The index, but some of its spaces are away."""

    def __init__(self, deps: World, *spaces: str) -> None:
        self._deps = deps
        self._spaces = spaces

    def __getattr__(self, name: str) -> Any:
        return getattr(self._deps.index, name)

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        if any(query.using in self._spaces for query in queries):
            raise DependencyError("this space is away")
        return await self._deps.index.search(queries)


async def test_a_source_that_fails_takes_no_other_along_and_is_named(deps: World) -> None:
    reply = await answer_with(deps, Failing(deps, TRANSITIONS), limit=CLUSTER - 2)
    assert reply.degraded == (TRANSITIONS,)
    assert set(ids(reply)) == {f"red-{n}" for n in range(2, CLUSTER)}


async def test_without_any_source_there_is_no_answer(deps: World) -> None:
    with pytest.raises(DependencyError, match="check the index"):
        await answer_with(deps, Failing(deps, TRANSITIONS, COOCCURRENCE, "embedding", "popularity"))


async def answer_with(deps: World, index: Any, **body: Any) -> Any:
    old = deps.pipeline
    pipeline = Pipeline(index, old._facts, old._vectors, old._vocabulary, old._fusion, deps.metrics, deps.rules.of)
    return await pipeline.answer(request(**body), deps.users.partitions[_partition()].get("u"), _partition(), "r1")


async def _explained(pipeline: Pipeline, asked: Any, user: Any) -> Any:
    """The answer without the taste, which the hand-made scores leave out."""
    bare = Pipeline(
        pipeline._index,
        pipeline._facts,
        _NoVectors(),  # type: ignore[arg-type]
        pipeline._vocabulary,
        pipeline._fusion,
        pipeline._metrics,
        pipeline._controls,
    )
    return await bare.answer(asked, _tasteless(user), _partition(), "r1")


class _NoVectors:
    async def of(self, item_ids: Any) -> dict[str, Any]:
        return {}

    async def matrix(self, item_ids: Any) -> None:
        return None


def _tasteless(user: Any) -> Any:
    copy = type(user).unpack(user.pack())
    copy.taste = type(user.taste)()
    return copy


def _without(vector: SparseVector, item_id: str) -> SparseVector:
    kept = zip(vector.indices.tolist(), vector.values.tolist(), strict=True)
    return SparseVector.of({index: value for index, value in kept if index != sparse_index(item_id)})


def _partition() -> int:
    return partition_for("u")


async def test_what_is_gone_or_unavailable_is_in_no_answer_even_before_the_index_knows() -> None:
    questions: list[dict[str, Any]] = [
        {},
        {"kind": "trending"},
        {"kind": "similar_items", "item_ids": ["red-2"]},
        {"kind": "bought_together", "item_ids": ["red-2"]},
        {"kind": "search", "text": "red"},
        {"kind": "session", "item_ids": ["red-2"]},
    ]
    async with two_clusters() as shop:
        for body in questions:  # lists of popular items are kept for a second
            assert {"red-4", "red-5"} <= set(ids(await answer(shop, limit=100, **body))), body
        for offset, body in ((10_000, {"title": "red-4", "category": "red", "available": False}), (10_001, None)):
            name = "red-4" if body else "red-5"
            await catalog.handle(chunk_of_records(json_record("item-catalog", offset, name, body)), shop)
        for body in questions:
            assert not {"red-4", "red-5"} & set(ids(await answer(shop, limit=100, **body))), body
        every = {"filters": {"available": False}}
        assert "red-4" in ids(await answer(shop, limit=100, **every))
