"""What every index must do: subclass in a test module beside a fixture `index` that is open with SCHEMA."""

from typing import Any

import numpy as np
import pytest

from models.primitives.sparse import SparseVector
from tests.index.builders import SCHEMA, dense, followed, near, numbered, point
from workers.errors import BadRecordError, ConfigurationError
from workers.index.filters import All, AnyOf, Condition, Equals, ExcludeIds, Not, OnlyIds, Range
from workers.index.move import stored_ids
from workers.index.port import Index
from workers.index.types import Floats, Hit, Point, Query, Schema

SHELF = [
    ("noir", {"category": "film", "tags": ["dark", "old"], "price": 5.0, "count": 1, "available": True, "loose": 1}),
    ("epic", {"category": "film", "tags": ["long"], "price": 15.0, "count": 2, "available": False, "loose": 1.0}),
    ("song", {"category": "music", "price": 1.0, "count": 3, "published_at": 1_700_000_000_000, "loose": True}),
    ("book", {"category": "print", "attributes": {"colour": "red"}, "count": 4, "price": None, "loose": "1"}),
]
FILTERS = [
    (Equals("category", "film"), {"noir", "epic"}),
    (Equals("tags", "old"), {"noir"}),
    (Equals("count", 3), {"song"}),
    (Equals("available", True), {"noir"}),
    (Equals("available", 0), {"epic"}),
    (Equals("attributes.colour", "red"), {"book"}),
    (Equals("unheard_of", "x"), set()),
    (Equals("loose", 1), {"noir"}),
    (Equals("loose", True), {"noir"}),
    (Equals("loose", "1"), {"book"}),
    (AnyOf("loose", (0, 1)), {"noir"}),
    (Range("loose", gte=1.0), {"noir", "epic"}),
    (AnyOf("category", ("music", "print")), {"song", "book"}),
    (AnyOf("count", (1, 4)), {"noir", "book"}),
    (AnyOf("category", ()), set()),
    (Range("price", gte=5.0), {"noir", "epic"}),
    (Range("price", gt=5.0), {"epic"}),
    (Range("price", lte=5.0), {"noir", "song"}),
    (Range("price", lt=5.0), {"song"}),
    (Range("count", gte=2, lt=4), {"epic", "song"}),
    (Range("published_at", gte=1_700_000_000_000, lte=1_700_000_000_000), {"song"}),
    (Not(Equals("category", "film")), {"song", "book"}),
    (Not(Range("price", gte=0.0)), {"book"}),
    (All((Equals("category", "film"), Range("price", gte=10.0))), {"epic"}),
    (Not(All((Equals("category", "film"), Range("price", gte=10.0)))), {"noir", "song", "book"}),
    (Not(All((Equals("category", "film"), Not(Equals("tags", "old"))))), {"noir", "song", "book"}),
    (All(()), {"noir", "epic", "song", "book"}),
    (ExcludeIds(frozenset({"noir", "no-such-item"})), {"epic", "song", "book"}),
    (ExcludeIds(frozenset()), {"noir", "epic", "song", "book"}),
    (Not(ExcludeIds(frozenset({"noir"}))), {"noir"}),
    (OnlyIds(frozenset({"song", "no-such-item"})), {"song"}),
    (OnlyIds(frozenset()), set()),
]


def raw(indices: list[int], values: Floats) -> SparseVector:
    return SparseVector(np.array(indices, dtype=np.uint32), values)


BAD_POINTS = [
    ("nan", point("x", text=dense(np.nan, 0, 0, 0))),
    ("infinite", point("x", text=dense(np.inf, 0, 0, 0))),
    ("scores that overflow", point("x", given=dense(1e30, 0, 0))),
    ("wrong dimension", point("x", text=dense(1.0, 0.0))),
    ("float64", point("x", text=np.ones(4))),  # type: ignore[arg-type]
    ("unknown name", point("x", txet=dense(1.0, 0, 0, 0))),
    ("sparse for dense", point("x", text=SparseVector.of({1: 1.0}))),
    ("dense for sparse", point("x", transitions=dense(1.0))),
    ("more indices than values", point("x", transitions=raw([1, 2], dense(1.0)))),
    ("unsorted indices", point("x", transitions=raw([2, 1], dense(1.0, 1.0)))),
    ("repeated indices", point("x", transitions=raw([2, 2], dense(1.0, 1.0)))),
    ("signed indices", point("x", transitions=SparseVector(np.array([-1], dtype=np.int32), dense(1.0)))),
    ("sparse nan", point("x", transitions=raw([1], dense(np.nan)))),
    (
        "sparse too long",
        point("x", transitions=SparseVector(np.arange(5000, dtype=np.uint32), np.ones(5000, dtype=np.float32))),
    ),
    ("empty id", point("")),
    ("long id", point("é" * 300)),
    ("id that is no UTF-8", point("\ud800")),
    ("payload nan", point("x", {"a": [float("nan")]})),
    ("payload object", point("x", {"a": object()})),
    ("payload with number keys", point("x", {"a": {1: 2}})),
    ("payload with giant integer", point("x", {"a": 2**70})),
    ("payload too large", point("x", {"a": "x" * 70_000})),
    ("payload too deep", point("x", {"a": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]})),
    ("payload of another item", point("x", {"item_id": "y"})),
    ("text as price", point("x", {"price": "cheap"})),
    ("bool as count", point("x", {"count": True})),
]
BAD_QUERIES = [
    ("no limit", near(0)),
    ("huge limit", near(20_000)),
    ("nan", Query("text", dense(np.nan, 0, 0, 0), 1)),
    ("unknown name", Query("txet", dense(1.0, 0, 0, 0), 1)),
    ("field that is a path expression", near(1, Equals("tags[0]", "x"))),
    ("mixed values", near(1, AnyOf("count", ("a", 1)))),
    ("float equality", near(1, Equals("price", 1.5))),  # type: ignore[arg-type]
    ("infinite bound", near(1, Range("price", lt=float("inf")))),
    ("too many ids", near(1, ExcludeIds(frozenset(map(str, range(10_001)))))),
]


def ids(hits: list[Hit]) -> list[str]:
    return [hit.item_id for hit in hits]


async def listed(index: Index) -> list[str]:
    return [item_id async for page in stored_ids(index) for item_id in page]


def shelf() -> list[Point]:
    return [
        point(name, payload, text=dense(1, 0, 0, 0), transitions=SparseVector.of({1: 1.0})) for name, payload in SHELF
    ]


class IndexContract:
    async def test_dense_search_returns_the_nearest_by_cosine_first(self, index: Index) -> None:
        await index.upsert(
            [
                point("far", text=dense(0, 9, 0, 0)),
                point("near", text=dense(5, 0, 0, 0)),
                point("mid", text=dense(3, 4, 0, 0)),
            ]
        )
        [hits] = await index.search([near()])
        assert ids(hits) == ["near", "mid", "far"]
        assert [hit.score for hit in hits] == pytest.approx([1.0, 0.6, 0.0])

    async def test_dot_search_counts_length(self, index: Index) -> None:
        await index.upsert([point("short", given=dense(1, 0, 0)), point("long", given=dense(3, 3, 0))])
        [hits] = await index.search([Query("given", dense(2, 0, 0), 5)])
        assert [(hit.item_id, hit.score) for hit in hits] == [("long", 6.0), ("short", 2.0)]

    async def test_sparse_search_sums_over_common_indices(self, index: Index) -> None:
        await index.upsert(
            [
                point("both", transitions=SparseVector.of({1: 1.0, 4_294_967_295: 2.0})),
                point("one", transitions=SparseVector.of({1: 4.0})),
                point("none", transitions=SparseVector.of({2: 9.0})),
            ]
        )
        query = Query("transitions", SparseVector.of({1: 0.5, 4_294_967_295: 3.0}), 5)
        [hits] = await index.search([query])
        assert [(hit.item_id, hit.score) for hit in hits] == [("both", 6.5), ("one", 2.0)]

    @pytest.mark.parametrize("where", [(), (Not(Equals("category", "none")),)], ids=["plain", "filtered"])
    async def test_sparse_search_leaves_out_scores_that_are_not_positive(
        self, index: Index, where: tuple[Condition, ...]
    ) -> None:
        rows = {"up": {1: 1.0}, "cancelled": {1: 1.0, 2: -1.0}, "down": {2: -1.0}}
        await index.upsert([point(name, transitions=SparseVector.of(row)) for name, row in rows.items()])
        [hits] = await index.search([Query("transitions", SparseVector.of({1: 1.0, 2: 1.0}), 5, where)])
        assert ids(hits) == ["up"]

    async def test_empty_sparse_query_finds_nothing(self, index: Index) -> None:
        await index.upsert(numbered(3))
        assert await index.search([Query("transitions", SparseVector.of({}), 5)]) == [[]]

    async def test_points_without_the_vector_are_not_found(self, index: Index) -> None:
        await index.upsert([point("bare"), point("x", text=dense(1, 0, 0, 0))])
        [dense_hits, sparse_hits] = await index.search([near(), followed()])
        assert (ids(dense_hits), sparse_hits) == (["x"], [])

    async def test_empty_index_finds_nothing(self, index: Index) -> None:
        assert await index.search([near(), followed()]) == [[], []]

    async def test_equal_scores_are_ordered_by_id_and_cut_by_id(self, index: Index) -> None:
        names = [f"t{n:02}" for n in range(60)]
        shuffled = [names[(n * 37) % 60] for n in range(60)]
        row = SparseVector.of({1: 1.0})
        await index.upsert([point(name, text=dense(1, 0, 0, 0), transitions=row) for name in shuffled])
        [dense_hits, sparse_hits] = await index.search([near(10), followed(10)])
        assert ids(dense_hits) == names[:10]
        assert ids(sparse_hits) == names[:10]

    @pytest.mark.parametrize(("condition", "expected"), FILTERS, ids=[f"filter-{n}" for n in range(len(FILTERS))])
    async def test_filter_holds_in_every_kind_of_search(
        self, index: Index, condition: Condition, expected: set[str]
    ) -> None:
        await index.upsert(shelf())
        [dense_hits, sparse_hits] = await index.search([near(10, condition), followed(10, condition)])
        assert ids(dense_hits) == sorted(expected)
        assert ids(sparse_hits) == sorted(expected)

    async def test_conditions_must_all_hold(self, index: Index) -> None:
        await index.upsert(shelf())
        [hits] = await index.search([near(10, Equals("category", "film"), Range("price", gt=5.0))])
        assert ids(hits) == ["epic"]

    async def test_excluding_ten_thousand_ids_does_not_come_back_short(self, index: Index) -> None:
        await index.upsert(numbered(10_100))
        best = ExcludeIds(frozenset(f"i{n:05}" for n in range(100, 10_100)))
        expected = [f"i{n:05}" for n in range(99, -1, -1)]
        [dense_hits, sparse_hits] = await index.search([near(100, best), followed(100, best)])
        assert ids(dense_hits) == expected
        assert ids(sparse_hits) == expected

    async def test_batch_search_equals_single_searches(self, index: Index) -> None:
        await index.upsert(numbered(200))
        queries = [
            near(7),
            followed(9),
            near(3, Range("n", lt=50)),
            followed(2, OnlyIds(frozenset({"i00003"}))),
        ]
        assert await index.search(queries) == [(await index.search([query]))[0] for query in queries]

    async def test_no_queries_no_answers(self, index: Index) -> None:
        assert await index.search([]) == []

    async def test_payloads_are_the_fields_asked_for_of_the_items_that_are_stored(self, index: Index) -> None:
        payload: dict[str, Any] = {
            "title": "Über 😀",
            "tags": [],
            "none": None,
            "deep": {"a": [1, 2.5]},
            "available": True,
        }
        await index.upsert([point("x", payload, text=dense(0, 3, 0, 4)), point("y")])
        fields = ("title", "tags", "none", "deep", "available", "never")
        found = await index.payloads(["x", "no-such-item", "x", "y"], fields)
        assert found == {"x": {**payload, "available": 1}, "y": {}}
        assert await index.payloads(["y", "no-such-item"], ()) == {"y": {}}

    async def test_every_stored_item_is_listed_once(self, index: Index) -> None:
        assert await listed(index) == []
        await index.upsert(numbered(600))
        await index.delete(["i00003"])
        assert sorted(await listed(index)) == [f"i{n:05}" for n in range(600) if n != 3]

    async def test_upsert_replaces_the_whole_point(self, index: Index) -> None:
        await index.upsert([point("x", {"a": 1}, text=dense(1, 0, 0, 0), transitions=SparseVector.of({1: 1.0}))])
        await index.upsert([point("x", {"b": 2}, text=dense(0, 1, 0, 0))])
        assert await index.search([followed()]) == [[]]
        assert await index.payloads(["x"], ("a", "b", "item_id")) == {"x": {"b": 2, "item_id": "x"}}

    async def test_item_that_comes_back_has_nothing_of_its_former_self(self, index: Index) -> None:
        await index.upsert(numbered(3))
        await index.delete(["i00001"])
        await index.upsert([point("i00001", {"b": 1})])
        assert ids((await index.search([followed()]))[0]) == ["i00002", "i00000"]
        assert await index.payloads(["i00001"], ("n", "b")) == {"i00001": {"b": 1}}

    async def test_large_batches_are_written_whole(self, index: Index) -> None:
        row = SparseVector.of(dict.fromkeys(range(200), 1.0))
        names = [f"i{n:05}" for n in range(500)]
        await index.upsert([point(name, popularity=row) for name in names])
        [hits] = await index.search([Query("popularity", SparseVector.of({150: 1.0}), 1000)])
        assert ids(hits) == names
        assert set(await index.payloads(names, ())) == set(names)
        await index.delete(names[1:])
        assert set(await index.payloads(names, ())) == set(names[:1])

    @pytest.mark.parametrize(("bad"), [bad for _, bad in BAD_POINTS], ids=[name for name, _ in BAD_POINTS])
    async def test_bad_point_is_refused_and_nothing_of_its_batch_is_written(self, index: Index, bad: Point) -> None:
        await index.upsert([point("x", {"a": 1}, text=dense(1, 0, 0, 0))])
        with pytest.raises(BadRecordError):
            await index.upsert([point("good"), bad])
        assert list(await index.payloads(["good", "x"], ())) == ["x"]
        assert [hit.score for hit in (await index.search([near()]))[0]] == [1.0]

    @pytest.mark.parametrize("bad", [bad for _, bad in BAD_QUERIES], ids=[name for name, _ in BAD_QUERIES])
    async def test_bad_query_is_refused(self, index: Index, bad: Query) -> None:
        with pytest.raises(BadRecordError):
            await index.search([near(), bad])

    async def test_refusal_names_the_item_and_the_field(self, index: Index) -> None:
        with pytest.raises(BadRecordError, match=r"'m1'.*'text'") as vector:
            await index.upsert([point("m1", text=dense(1.0))])
        with pytest.raises(BadRecordError, match=r"'m1'.*'price'") as payload:
            await index.upsert([point("m1", {"price": "cheap"})])
        assert (vector.value.code, payload.value.code) == ("bad_vector", "bad_payload")

    async def test_zero_vector_is_stored_and_scores_nothing(self, index: Index) -> None:
        await index.upsert([point("zero", text=dense(0, 0, 0, 0)), point("one", text=dense(1, 0, 0, 0))])
        [hits] = await index.search([near()])
        assert [(hit.item_id, hit.score) for hit in hits] == [("one", 1.0), ("zero", 0.0)]

    async def test_ensure_again_keeps_the_data_and_refuses_another_schema(self, index: Index) -> None:
        await index.upsert([point("x")])
        await index.ensure(SCHEMA)
        with pytest.raises(ConfigurationError):
            await index.ensure(Schema(sparse=("other",)))
        assert list(await index.payloads(["x"], ())) == ["x"]
