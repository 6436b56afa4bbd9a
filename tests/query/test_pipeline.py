"""From request to answer: explained to the last digit, one call of the index, and none for an index that is away."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from models.primitives.ids import sparse_index
from models.primitives.sparse import SparseVector
from models.ranking.fusion import fuse_with
from models.retrieval.sources import HistoryQuery
from tests.query.builders import (
    CLUSTER,
    NOW_MS,
    World,
    answer,
    delete,
    describe,
    learn_vector,
    question,
    request,
    restate,
    two_clusters,
)
from workers.errors import BadRecordError, DependencyError
from workers.index.types import Hit, Query
from workers.recommend.candidates import Gathered, features, retrieve, scores
from workers.recommend.context import Known, QueryContext
from workers.recommend.controls import NEUTRAL
from workers.recommend.filters import allowed
from workers.recommend.kinds import understood
from workers.recommend.search import Found, SearchedIndex


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> AsyncIterator[World]:
    async with two_clusters() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def learned() -> AsyncIterator[World]:
    """With learned vectors by which red-1 is near blue-7 alone."""
    async with two_clusters() as made:
        made.learned_space = "collaborative_a"
        towards = np.eye(made.points.schema.dense["collaborative_a"].dim, dtype=np.float32)
        for item_id, vector in (("red-1", towards[0]), ("blue-7", towards[0]), ("blue-6", towards[1])):
            await learn_vector(made, item_id, vector)
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
    context, gathered = _gathered(deps)
    fused = deps.fusion.fuse(gathered.candidates.scores, context.situation)
    history = {source: _without(query, taken) for source, query in context.asked.history.items()}
    less = replace(context, asked=replace(context.asked, history=history))
    again = fuse_with(fused.units, scores(less, gathered, deps.items.table))

    contributed = {
        item.item_id: sum(reason.contribution for reason in item.reasons if reason.item_id == taken)
        for item in (await answer(deps, limit=100, explain=True)).items
    }
    assert any(contributed.values())
    for position, name in enumerate(gathered.candidates.item_ids):
        assert fused.scores[position] - again.scores[position] == pytest.approx(contributed[name], abs=1e-6)


async def test_contributions_sum_to_the_score_for_every_kind(deps: World) -> None:
    for body in ({}, {"user_id": "nobody"}, {"kind": "trending"}, {"kind": "similar_items", "item_ids": ["red-1"]}):
        for item in (await answer(deps, explain=True, limit=100, **body)).items:
            assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-9)


class Counting:
    """The index, or one that is away; remembers what it was asked."""

    def __init__(self, world: World, *, fails: bool = False) -> None:
        self._world = world
        self._fails = fails
        self.calls: list[Sequence[Query]] = []

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        self.calls.append(queries)
        if self._fails:
            raise DependencyError("away")
        return await self._world.index.search(queries)


SEARCHED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ("embedding",)),
    ({"user_id": "nobody"}, ()),
    ({"kind": "trending"}, ()),
    ({"kind": "bought_together", "item_ids": ["red-1"]}, ()),
    ({"kind": "session", "user_id": None, "item_ids": ["red-1"]}, ("embedding",)),
    ({"kind": "similar_items", "item_ids": ["red-1"]}, ("embedding", "collaborative_a")),
    ({"kind": "search", "text": "red"}, ("words", "embedding")),
    ({"kind": "search", "text": "red", "personalised": True}, ("words", "embedding")),
]


@pytest.mark.parametrize("explain", [False, "counterfactual"])
@pytest.mark.parametrize(("body", "spaces"), SEARCHED, ids=str)
async def test_an_answer_costs_one_call_of_at_most_two_searches_for_ids_and_scores(
    learned: World, body: dict[str, Any], spaces: tuple[str, ...], explain: Any
) -> None:
    index = Counting(learned)
    reply = await learned.pipeline_over(index).answer(question(learned, request(**body, explain=explain)))
    assert reply.items and reply.degraded == ()
    assert [tuple(query.using for query in queries) for queries in index.calls] == ([spaces] if spaces else [])


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(("body", "spaces"), SEARCHED[:-2], ids=str)
async def test_without_the_index_an_answer_lacks_what_it_would_find_and_says_so(
    learned: World, body: dict[str, Any], spaces: tuple[str, ...], known: bool
) -> None:
    index, learned.away = Counting(learned, fails=True), known
    try:
        reply = await learned.pipeline_over(index).answer(question(learned, request(**body, limit=6)))
    finally:
        learned.away = False
    assert len(reply.items) == 6
    assert reply.degraded[:1] == (("index",) if spaces else ())
    assert len(reply.degraded) == (1 + len(spaces) if spaces else 0)
    assert len(index.calls) == (0 if known or not spaces else 1)


async def test_without_the_index_a_user_gets_the_rest_of_the_cluster_all_the_same(deps: World) -> None:
    index = Counting(deps, fails=True)
    reply = await deps.pipeline_over(index).answer(question(deps, request(limit=CLUSTER - 2)))
    assert (set(ids(reply)), reply.degraded) == ({f"red-{n}" for n in range(2, CLUSTER)}, ("index", "taste"))


async def test_a_search_without_the_index_has_no_answer(deps: World) -> None:
    pipeline = deps.pipeline_over(Counting(deps, fails=True))
    with pytest.raises(DependencyError, match="ask again"):
        await pipeline.answer(question(deps, request(kind="search", text="red")))


async def test_learned_vectors_bring_what_is_near_and_score_it(learned: World) -> None:
    asked = {"kind": "similar_items", "item_ids": ["red-1"], "limit": 100, "explain": True}
    found = {item.item_id: item for item in (await answer(learned, **asked)).items}
    near = {reason.kind for reason in found["blue-7"].reasons if reason.contribution > 0}
    assert "liked_by_similar_users" in near
    assert "liked_by_similar_users" not in {reason.kind for reason in found["blue-6"].reasons}


async def test_a_preview_is_made_without_the_index_and_changes_nothing(deps: World) -> None:
    user, index = deps.user("u"), Counting(deps)
    assert user is not None
    before = user.pack()
    previewed = deps.pipeline_over(index).preview(user, NOW_MS)
    assert set(previewed.candidates.item_ids) == set(ids(await answer(deps, limit=100)))
    assert (index.calls, user.pack()) == ([], before)


async def test_an_item_that_goes_while_the_index_is_asked_is_not_shown() -> None:
    async with two_clusters() as shop:

        class Slow(Counting):
            async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
                found = await super().search(queries)
                delete(shop, "red-3")
                await describe(shop, *({"item_id": f"late-{n}", "title": "late"} for n in range(3)))
                return found

        reply = await shop.pipeline_over(Slow(shop)).answer(question(shop, request(limit=100)))
    assert "red-3" not in ids(reply) and "late-0" in ids(reply)


def _gathered(world: World) -> tuple[QueryContext, Gathered]:
    """Context and candidates of user u."""
    table = world.items.table
    known = Known(world.items, SearchedIndex(world.index, world.words.idf_of), moment=-1)
    context = understood(question(world, request(limit=100)), NEUTRAL, known)
    may = allowed(context, table)
    return context, features(context, retrieve(context, Found(), may, world.items), table)


def _without(query: HistoryQuery, item_id: str) -> HistoryQuery:
    pairs = zip(query.vector.indices.tolist(), query.vector.values.tolist(), strict=True)
    kept = {index: value for index, value in pairs if index != sparse_index(item_id)}
    return HistoryQuery(SparseVector.of(kept), query.item_ids)


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
        for body in questions:
            assert {"red-4", "red-5"} <= set(ids(await answer(shop, limit=100, **body))), body
        restate(shop, item_id="red-4", title="red-4", category="red", available=False)
        delete(shop, "red-5")
        for body in questions:
            assert not {"red-4", "red-5"} & set(ids(await answer(shop, limit=100, **body))), body
        every = {"filters": {"available": False}}
        assert "red-4" in ids(await answer(shop, limit=100, **every))
