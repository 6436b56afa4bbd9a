"""All items as a worker holds them: entries and counts as rows, and the item table that answers are made from."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from models.primitives.text import Vector
from models.retrieval.item_table import ItemTable
from models.state import item_state
from models.state.item_state import ItemState
from workers.errors import ConfigurationError
from workers.items import rows as item_rows
from workers.items.rows import ItemRow
from workers.scheduling import Scheduler
from workers.stream.partitioning import partition_of
from workers.stream.table import Row, Table, TablePartition

log = logging.getLogger(__name__)

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
            forget=self.removed,
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
        number = self.partition_of(item_id)
        rows = self.entries.partitions.get(number, self._entered.get(number))
        return None if rows is None else self._readable(rows, item_id, self.entries)

    def partition_of(self, item_id: str) -> int:
        """Number of the partition that the item belongs to, in every topic of items."""
        return partition_of(item_id, self._item_partitions)

    def entry(self, item_id: str) -> dict[str, Any]:
        """The catalog's entry of an item, empty if it has none."""
        row = self.row(item_id)
        return {} if row is None else row.entry()

    def vectors(self, item_ids: Iterable[str]) -> dict[str, Vector]:
        """Embeddings by item id, float32 (dim,) of unit length, of every item that something describes."""
        found = ((item_id, self.table.vector(item_id)) for item_id in item_ids)
        return {item_id: vector for item_id, vector in found if vector is not None and vector.any()}

    def described(self, item_id: str, row: ItemRow) -> None:
        """The row of an item's entry is new, or was changed."""
        if row.catalog is None:
            self.removed(item_id)
        else:
            self.table.describe(item_id, row.facts())
            self._reconsider(item_id)

    def removed(self, item_id: str) -> None:
        """The catalog does not have the item any more, or nothing is kept of its entry."""
        self.table.remove(item_id)
        self._reconsider(item_id)

    def all_entries(self) -> dict[int, TablePartition[ItemRow]]:
        """Entries of all partitions at hand: those that are ours, and those that are followed."""
        return {**self._entered, **self.entries.partitions}

    async def lost(self) -> None:
        """Partitions are about to be reassigned: rows of those that will not be ours stay, and are followed."""

    async def owned(self) -> None:
        """Take rows that were recovered into the table."""
        for number, entries in list(self.entries.partitions.items()):
            await self.enter(number, entries)
        for number, counts in list(self.counts.partitions.items()):
            await self.count(number, counts)

    async def enter(self, number: int, rows: TablePartition[ItemRow]) -> None:
        """Have these be the entries of a partition; what is unreadable is left out, and reported when it is ours."""
        await self._take_in(number, rows, self._entered, self.entries, self.removed, self.described)

    async def count(self, number: int, rows: TablePartition[ItemState]) -> None:
        """Have these be the counts of a partition; as `enter`. A state enters the table when it is unpacked."""
        await self._take_in(
            number, rows, self._counted, self.counts, self.table.drop_state, lambda item_id, state: None
        )

    async def _take_in(
        self,
        number: int,
        rows: TablePartition[R],
        known: dict[int, TablePartition[R]],
        table: Table[R],
        forget: Callable[[str], None],
        take: Callable[[str, R], None],
    ) -> None:
        """Have these be the `known` rows of a partition: `forget` those before that are not among them, `take` each."""
        if (before := known.get(number)) is rows:
            return
        known[number] = rows
        for item_id in set() if before is None else set(before.keys()) - set(rows.keys()):
            forget(item_id)
        for item_id in rows.keys():  # noqa: SIM118 - not a dict
            if known[number] is not rows:
                return  # the partition is ours meanwhile, or is read again
            if (row := self._readable(rows, item_id, table)) is not None:
                take(item_id, row)
            rows.reconsider(item_id)
            await self._scheduler.rest()

    def _readable(self, rows: TablePartition[R], item_id: str, table: Table[R]) -> R | None:
        """A row; one of a partition of ours that can't be read ends the worker (`ConfigurationError`)."""
        try:
            return rows.get(item_id)
        except ConfigurationError as error:
            if any(rows is ours for ours in table.partitions.values()):
                raise
            log.warning("followed, and left out: %s", error)
            return None

    def _reconsider(self, item_id: str) -> None:
        """Whether the item's counts go before others follows from the catalog."""
        number = self.partition_of(item_id)
        counts = self.counts.partitions.get(number, self._counted.get(number))
        if counts is not None:
            counts.reconsider(item_id)

    def _is_uncataloged(self, item_id: str) -> bool:
        return not self.table.knows(item_id)
