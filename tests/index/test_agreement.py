"""Memory and Edge answer alike after any history of writes, so the exact one can stand in for the other."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.primitives.sparse import SparseVector
from tests.index.builders import SCHEMA, dense
from tests.index.contract import listed
from workers.index.edge import EdgeIndex
from workers.index.filters import AnyOf, Equals, ExcludeIds, Not, OnlyIds, Range
from workers.index.memory import MemoryIndex
from workers.index.types import Hit, Point, Query

IDS = [f"i{n}" for n in range(12)]
QUARTERS = st.integers(-8, 8).map(lambda n: n / 4)
"""Sums of their products are exact in float32: equal scores are equal in both, in any order of summing."""

item_ids = st.sampled_from(IDS)
rows = st.dictionaries(st.integers(0, 9), QUARTERS, max_size=6).map(SparseVector.of)
vectors = st.fixed_dictionaries(
    {},
    optional={
        "text": st.lists(QUARTERS, min_size=4, max_size=4).map(lambda values: dense(*values)),
        "given": st.lists(QUARTERS, min_size=3, max_size=3).map(lambda values: dense(*values)),
        "transitions": rows,
    },
)
payloads = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["a", "b", ["a", "b"], None]),
        "price": st.sampled_from([0.5, 1.0, 2.0, None]),
        "count": st.integers(0, 3),
        "available": st.booleans(),
        "loose": st.sampled_from([1, 1.0, "1", True, [1, "a"], {"in": 1}]),
    },
)
writes = st.lists(
    st.one_of(
        st.builds(Point, item_ids, vectors, payloads),
        item_ids,
    ),
    min_size=6,
    max_size=30,
)
bounds = st.one_of(st.none(), st.sampled_from([0.5, 1.0, 2.0]))
id_sets = st.frozensets(item_ids, max_size=6)
leaves = st.one_of(
    st.builds(Equals, st.just("category"), st.sampled_from(["a", "b", "c"])),
    st.builds(Equals, st.sampled_from(["available", "count", "loose", "loose.in"]), st.sampled_from([0, 1, True])),
    st.builds(Equals, st.just("loose"), st.sampled_from(["1", "a"])),
    st.builds(AnyOf, st.just("category"), st.sampled_from([(), ("a",), ("a", "b")])),
    st.builds(AnyOf, st.sampled_from(["count", "loose"]), st.sampled_from([(1,), (0, 2)])),
    st.builds(Range, st.sampled_from(["price", "count", "loose"]), bounds, bounds, bounds, bounds),
    st.builds(ExcludeIds, id_sets),
    st.builds(OnlyIds, id_sets),
)
conditions = st.one_of(leaves, st.builds(Not, leaves), st.builds(Not, st.builds(Not, leaves)))
where = st.lists(conditions, max_size=3).map(tuple)
limits = st.integers(1, 15)
exact_queries = st.one_of(
    st.builds(Query, st.just("given"), vectors.map(lambda v: v.get("given", dense(1, 2, 3))), limits, where),
    st.builds(Query, st.just("transitions"), rows, limits, where),
)
cosine_queries = st.builds(
    Query, st.just("text"), vectors.map(lambda v: v.get("text", dense(1, 2, 0, 0))), st.just(20), where
)


@pytest.fixture(scope="module")
async def edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EdgeIndex]:
    folder: Path = tmp_path_factory.mktemp("agreement") / "index"
    index = EdgeIndex(folder)
    await index.ensure(SCHEMA)
    yield index
    await index.close()


async def same_history(edge: EdgeIndex, history: Sequence[Point | str]) -> MemoryIndex:
    memory = MemoryIndex()
    await memory.ensure(SCHEMA)
    await edge.delete(IDS)
    for write in history:
        match write:
            case Point():
                await memory.upsert([write])
                await edge.upsert([write])
            case str():
                await memory.delete([write])
                await edge.delete([write])
    return memory


def scores_by_id(hits: list[Hit]) -> dict[str, float]:
    return {hit.item_id: hit.score for hit in hits}


several = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@several
@given(history=writes, queries=st.lists(exact_queries, min_size=1, max_size=4))
async def test_sparse_and_dot_searches_return_the_same_hits_in_the_same_order(
    edge: EdgeIndex, history: list[Point | str], queries: list[Query]
) -> None:
    memory = await same_history(edge, history)
    assert await edge.search(queries) == await memory.search(queries)


@several
@given(history=writes, query=cosine_queries)
async def test_cosine_searches_return_the_same_items_with_scores_equal_to_1e_5(
    edge: EdgeIndex, history: list[Point | str], query: Query
) -> None:
    memory = await same_history(edge, history)
    [[ours], [theirs]] = [await memory.search([query]), await edge.search([query])]
    assert scores_by_id(theirs) == pytest.approx(scores_by_id(ours), abs=1e-5)
    assert [(-hit.score, hit.item_id) for hit in theirs] == sorted((-hit.score, hit.item_id) for hit in theirs)


@several
@given(history=writes)
async def test_stored_points_are_the_same(edge: EdgeIndex, history: list[Point | str]) -> None:
    memory = await same_history(edge, history)
    fields = ("item_id", "category", "price", "count", "available", "loose")
    assert await edge.payloads(IDS, fields) == await memory.payloads(IDS, fields)
    assert sorted(await listed(edge)) == sorted(await listed(memory))
