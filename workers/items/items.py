"""All items as a worker holds them: entries and counts as rows, and the item table that answers are made from."""

from collections.abc import Callable
from typing import Any, TypeVar

from models.primitives.text import Vector
from models.retrieval.item_table import ItemTable
from models.state import item_state
from models.state.item_state import ItemState
from workers.items import rows as item_rows
from workers.items.rows import ItemRow
from workers.scheduling import Scheduler
from workers.stream.partitioning import partition_of
from workers.stream.table import Row, Table, TablePartition

Embed = Callable[[dict[str, Any]], Vector]
R = TypeVar("R", bound=Row)


class Items:
    """`entries` hold what the catalog says, `counts` how items are used; `table` says both of all items by slot.

    Rows are the truth, the table follows: recovered rows enter it before the first answer, changed ones by `described`
    and `used`, and a row that leaves memory leaves the table.
    """

    def __init__(
        self,
        entries_changelog: str,
        counts_changelog: str,
        dim: int,
        embed: Embed,
        item_partitions: int,
        scheduler: Scheduler,
    ) -> None:
        """`embed`: the embedding of a catalog entry, float32 (dim,) of unit length, or zeros."""
        self.table = ItemTable(dim, lambda item_id: embed(self.entry(item_id)))
        self.entries = Table(
            entries_changelog,
            lambda item_id, packed: ItemRow.unpack(packed),
            lambda item_id: ItemRow(),
            kind=item_rows.KIND,
            version=item_rows.VERSION,
            is_expendable=self._is_uncataloged,
            forget=self.table.remove,
        )
        self.counts = Table(
            counts_changelog,
            self.table.load_state,
            self.table.new_state,
            kind=item_state.KIND,
            version=item_state.VERSION,
            is_expendable=self._is_uncataloged,
            forget=self.table.drop_state,
        )
        self._item_partitions = item_partitions
        self._scheduler = scheduler
        self._entered: dict[int, TablePartition[ItemRow]] = {}
        self._counted: dict[int, TablePartition[ItemState]] = {}

    def row(self, item_id: str) -> ItemRow | None:
        """What is kept of the catalog's records on an item."""
        rows = self.entries.partitions.get(self.partition_of(item_id))
        return None if rows is None else rows.get(item_id)

    def partition_of(self, item_id: str) -> int:
        """Number of the partition that the item belongs to, in every topic of items."""
        return partition_of(item_id, self._item_partitions)

    def entry(self, item_id: str) -> dict[str, Any]:
        """The catalog's entry of an item, empty if it has none."""
        row = self.row(item_id)
        return {} if row is None else row.entry()

    def described(self, item_id: str, row: ItemRow) -> None:
        """The row of an item's entry is new, or was changed."""
        if row.catalog is None:
            self.table.remove(item_id)
        else:
            self.table.describe(item_id, row.facts())
        counts = self.counts.partitions.get(self.partition_of(item_id))
        if counts is not None:
            counts.reconsider(item_id)

    async def lost(self) -> None:
        """Partitions are about to be reassigned; what is not ours then leaves the table when that is known."""

    async def owned(self) -> None:
        """Take rows that were recovered into the table, and those of partitions that are gone out of it."""
        await self._leave(self._entered, self.entries, self.table.remove)
        await self._leave(self._counted, self.counts, self.table.drop_state)
        for number, rows in self.entries.partitions.items():
            if self._entered.get(number) is not rows:
                self._entered[number] = rows
                for item_id in rows.keys():  # noqa: SIM118 - not a dict
                    if (row := rows.get(item_id)) is not None:
                        self.described(item_id, row)
                    rows.reconsider(item_id)
                    await self._scheduler.rest()
        for number, counts in self.counts.partitions.items():
            if self._counted.get(number) is not counts:
                self._counted[number] = counts
                for item_id in counts.keys():  # noqa: SIM118 - not a dict
                    counts.get(item_id)
                    counts.reconsider(item_id)
                    await self._scheduler.rest()

    async def _leave(self, known: dict[int, TablePartition[R]], table: Table[R], forget: Callable[[str], None]) -> None:
        for number, rows in list(known.items()):
            if table.partitions.get(number) is not rows:
                del known[number]
                for item_id in rows.keys():  # noqa: SIM118 - not a dict
                    forget(item_id)
                    await self._scheduler.rest()

    def _is_uncataloged(self, item_id: str) -> bool:
        return not self.table.knows(item_id)
