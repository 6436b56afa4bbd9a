"""What a worker holds of all items: recovered rows enter the table, replaced ones leave nothing behind."""

from typing import TypeVar

import numpy as np
import orjson
import pytest

from models.primitives.text import Vector
from models.retrieval.item_table import ItemTable
from tests.models.builders import evidence
from workers.errors import ConfigurationError
from workers.items.items import Items
from workers.items.rows import ItemRow
from workers.scheduling import Scheduler
from workers.stream.table import Row, Table, TablePartition

DIM = 2
R = TypeVar("R", bound=Row)


def no_items() -> Items:
    return Items("entries", "counts", DIM, _along_first, 1, Scheduler())


def entry(item_id: str = "a", **fields: object) -> bytes:
    row = ItemRow()
    row.describe(orjson.dumps({"item_id": item_id, **fields}), offset=0)
    return row.pack()


def deleted() -> bytes:
    row = ItemRow()
    row.describe(None, offset=0)
    return row.pack()


def use(item_id: str, users: int = 1) -> bytes:
    state = ItemTable(DIM, lambda _: np.zeros(DIM, dtype=np.float32)).new_state(item_id)
    for offset in range(users):
        state.apply(evidence(offset, ["z"], item_id=item_id))
    return state.pack()


async def enter(items: Items, rows: dict[str, bytes], *, ours: bool = False) -> None:
    await items.enter(0, loaded(items.entries, rows, ours=ours))


async def count(items: Items, rows: dict[str, bytes], *, ours: bool = False) -> None:
    await items.count(0, loaded(items.counts, rows, ours=ours))


def loaded(table: Table[R], rows: dict[str, bytes], *, ours: bool) -> TablePartition[R]:
    """A partition with these rows, packed; in its table if it is `ours`."""
    partition = table.blank_partition()
    for item_id, packed in rows.items():
        partition.load(item_id.encode(), packed)
    if ours:
        table.partitions[0] = partition
    return partition


async def test_recovered_rows_are_in_the_table_before_anything_asks() -> None:
    items = no_items()
    await enter(items, {"a": entry(price=3.0), "b": deleted()})
    await count(items, {"a": use("a", users=2), "c": use("c")})
    table = items.table
    table.settle()
    assert [table.knows(item_id) for item_id in "abc"] == [True, False, False]
    assert [table.users_of(item_id) for item_id in "abc"] == [2, 0, 1]
    assert items.entry("a")["price"] == 3.0
    assert items.vectors("abc").keys() == {"a"}


async def test_rows_that_replace_others_leave_nothing_of_these_behind() -> None:
    items = no_items()
    await enter(items, {"a": entry(), "b": entry("b")})
    await count(items, {"a": use("a"), "b": use("b", users=3)})
    await enter(items, {"b": entry("b"), "c": entry("c")})
    await count(items, {"a": use("a", users=2)})
    items.table.settle()
    assert [items.table.knows(item_id) for item_id in "abc"] == [False, True, True]
    assert [items.table.users_of(item_id) for item_id in "abc"] == [2, 0, 0]
    slot = items.table.slots.find("b")
    assert slot is not None and len(items.table.pairs.followed.row(slot).keys) == 0


async def test_the_same_rows_are_taken_once() -> None:
    items = no_items()
    await count(items, {"a": use("a")}, ours=True)
    state = items.counts.partitions[0].change("a")
    state.apply(evidence(5, item_id="a"))
    items.table.use.note(state)
    await items.owned()
    items.table.settle()
    assert items.table.users_of("a") == 2


async def test_a_description_decides_whether_counts_are_evicted_first() -> None:
    items = no_items()
    await count(items, {"a": use("a")}, ours=True)
    counts = items.counts.partitions[0]
    assert counts.expendable == 1
    row = ItemRow.unpack(entry())
    items.described("a", row)
    assert (items.table.knows("a"), counts.expendable) == (True, 0)
    row.describe(None, offset=1)
    items.described("a", row)
    assert (items.table.knows("a"), counts.expendable) == (False, 1)


async def test_an_evicted_row_leaves_the_table() -> None:
    items = no_items()
    await enter(items, {"a": entry()}, ours=True)
    await count(items, {"a": use("a")}, ours=True)
    items.entries.partitions[0].drop("a")
    items.table.settle()
    assert (items.table.knows("a"), items.table.users_of("a")) == (False, 1)
    items.counts.partitions[0].drop("a")
    assert items.table.slots.find("a") is None


async def test_an_unreadable_row_is_left_out_where_it_is_followed_and_ends_its_owner() -> None:
    torn = {"a": entry()[:-1], "b": entry("b")}
    items = no_items()
    await enter(items, torn)
    assert [items.table.knows(item_id) for item_id in "ab"] == [False, True]
    assert items.entry("a") == {}
    with pytest.raises(ConfigurationError, match="row of 'a' in entries is unreadable"):
        await enter(no_items(), torn, ours=True)


async def test_rows_that_are_ours_go_before_those_that_were_followed() -> None:
    items = no_items()
    await enter(items, {"a": entry(title="followed")})
    ours = items.entries.blank_partition()
    ours.load(b"a", entry(title="ours"))
    items.entries.partitions[0] = ours
    assert items.entry("a")["title"] == "ours"
    assert items.all_entries() == {0: ours}


def _along_first(item: dict[str, object]) -> Vector:
    return np.array([1.0, 0.0], dtype=np.float32)
