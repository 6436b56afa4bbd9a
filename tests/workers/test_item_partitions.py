"""Rows of a partition that enter the item table while other rows of it are about to: the newer ones stay."""

import asyncio

from models.state.item_pairs import ItemPairs
from models.state.item_state import ItemState
from tests.models.builders import evidence
from workers.items.items import Items
from workers.items.points import ItemPoints
from workers.scheduling import Scheduler
from workers.stream.table import TablePartition

DIM = 8


class GivesWay(Scheduler):
    """Rests after every row."""

    async def rest(self, topic: str = "") -> None:
        await asyncio.sleep(0)


async def test_rows_that_were_being_read_do_not_overwrite_those_of_who_owns_now() -> None:
    items = Items("entries", "counts", DIM, ItemPoints(DIM).embed, 1, GivesWay())
    read, owned = _rows(items, "abcd", users=1), _rows(items, "dcba", users=2)
    await asyncio.gather(items.count(0, read), items.count(0, owned))
    items.table.settle()
    assert [items.table.users_of(item_id) for item_id in "abcd"] == [2, 2, 2, 2]


async def test_counts_of_an_item_go_first_once_its_entry_is_gone() -> None:
    items = Items("entries", "counts", DIM, ItemPoints(DIM).embed, 1, GivesWay())
    entries, counts = items.entries.blank_partition(), _rows(items, "ab", users=1)
    items.entries.partitions, items.counts.partitions = {0: entries}, {0: counts}
    entries.change("a").describe(b'{"item_id":"a"}', 0)
    await items.owned()
    assert counts.oldest(2, expendable_only=True) == ["b"]
    entries.drop("a")
    assert counts.oldest(2, expendable_only=True) == ["b", "a"]


def _rows(items: Items, item_ids: str, users: int) -> TablePartition[ItemState]:
    rows = items.counts.blank_partition()
    for item_id in item_ids:
        state = ItemState(ItemPairs(), 0)
        for offset in range(users):
            state.apply(evidence(offset, item_id=item_id))
        rows.load(item_id.encode(), state.pack())
    return rows
