"""Ids of points are remembered up to a bound, and not those of items that have no point."""

import tracemalloc
from pathlib import Path

from tests.index.builders import SCHEMA, point
from workers.index.edge import EdgeIndex
from workers.index.point_ids import text_ids, uuid_ids

STRANGERS = 20_000


def test_both_forms_name_the_same_point_and_find_their_item() -> None:
    for ids in (text_ids(), uuid_ids()):
        points = [ids.point_id(name) for name in ("a", "b")]
        assert ids.item_ids(reversed(points)) == ["b", "a"]
    assert str(uuid_ids().point_id("a")) == text_ids().point_id("a")


def test_the_oldest_pair_gives_way_and_a_forgotten_one_is_made_again() -> None:
    ids = text_ids(remembered=2)
    first, second, third = (ids.point_id(name) for name in ("a", "b", "c"))
    assert ids.item_ids([first, second, third]) == [None, "b", "c"]
    ids.forget(["c", "never there"])
    assert ids.item_ids([third]) == [None]
    assert ids.point_id("c") == third
    assert ids.item_ids([third]) == ["c"]


async def test_items_without_a_point_leave_nothing_behind(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path / "index")
    await index.ensure(SCHEMA)
    await index.upsert([point("known")])
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for start in range(0, STRANGERS, 100):
            names = [f"stranger-{n}" for n in range(start, start + 100)]
            assert await index.payloads(names, ()) == {}
            await index.delete(names)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 10 * STRANGERS
    assert list(await index.payloads(["known"], ())) == ["known"]
    await index.close()
