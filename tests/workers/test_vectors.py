"""Copies of embeddings: bounded, never another item's, never older than the index."""

import numpy as np
from workers.items.vectors import ItemVectors

from tests.models.builders import axis
from workers.index.memory import MemoryIndex
from workers.index.types import DenseSpec, Point, Record, Schema
from workers.items.points import EMBEDDING

DIM = 4


async def index_of(**positions: int) -> MemoryIndex:
    """Items whose embeddings are unit vectors along one axis."""
    index = MemoryIndex()
    await index.ensure(Schema(dense={EMBEDDING: DenseSpec(DIM)}))
    await index.upsert([Point(item_id, {EMBEDDING: axis(position)}) for item_id, position in positions.items()])
    return index


async def test_every_item_that_has_a_vector_is_found_also_past_the_capacity() -> None:
    index = await index_of(a=0, b=1, c=2)
    vectors = ItemVectors(index, DIM, capacity=2)
    await vectors.of(["a", "b"])
    for asked in (["a", "c"], ["b", "a", "c"], ["c", "nobody", "a"]):
        found = await vectors.of(asked)
        assert found.keys() == set(asked) - {"nobody"}
        assert all(found[item_id][position].item() == 1.0 for item_id, position in PLACES.items() if item_id in found)
        rows = await vectors.matrix(asked)
        assert [row.argmax() if row.any() else None for row in rows] == [PLACES.get(item_id) for item_id in asked]


PLACES = {"a": 0, "b": 1, "c": 2}


async def test_a_vector_handed_out_stays_what_it_was() -> None:
    vectors = ItemVectors(await index_of(a=0, b=1), DIM, capacity=1)
    await vectors.of(["a"])
    held = (await vectors.of(["a"]))["a"]
    await vectors.of(["b"])
    assert held.tolist() == axis(0).tolist()


async def test_a_changed_item_is_read_again_once_it_is_forgotten() -> None:
    index = await index_of(a=0)
    vectors = ItemVectors(index, DIM)
    await vectors.of(["a"])
    await index.upsert([Point("a", {EMBEDDING: axis(3)})])
    vectors.forget("a")
    assert (await vectors.of(["a"]))["a"].tolist() == axis(3).tolist()


async def test_an_item_that_changes_while_it_is_read_is_not_kept() -> None:
    index = await index_of(a=0)
    vectors = ItemVectors(index, DIM)

    class Slow(MemoryIndex):
        async def get(self, *args: object, **kwargs: object) -> dict[str, Record]:
            found = await index.get(["a"], vectors=(EMBEDDING,))
            await index.upsert([Point("a", {EMBEDDING: axis(2)})])
            vectors.forget("a")
            return found

    vectors._index = Slow()
    await vectors.of(["a"])
    vectors._index = index
    assert (await vectors.of(["a"]))["a"].tolist() == axis(2).tolist()


async def test_an_unknown_item_is_a_row_of_zeros() -> None:
    vectors = ItemVectors(await index_of(a=1), DIM)
    assert np.array_equal(await vectors.matrix(["x", "a"]), np.stack([np.zeros(DIM), axis(1)]))


async def test_where_others_write_to_the_index_a_copy_is_used_for_a_while_and_then_read_again() -> None:
    index, now = await index_of(a=0), [100.0]
    vectors = ItemVectors(index, DIM, kept_s=60.0, clock=lambda: now[0])
    await vectors.of(["a"])
    await index.upsert([Point("a", {EMBEDDING: axis(1)})])  # by another worker: no message says so
    now[0] += 59.0
    assert (await vectors.of(["a"]))["a"].argmax() == 0 == (await vectors.matrix(["a"])).argmax()
    now[0] += 2.0
    assert vectors.held(["a"]) == {}
    assert (await vectors.matrix(["a"])).argmax() == 1 == (await vectors.of(["a"]))["a"].argmax()
