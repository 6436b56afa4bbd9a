"""Keeps counts at their bounds: the owner of a partition says in the log of evidence what leaves, and reads it there.

So all who fold the log drop the same rows at the same place, and cut rows of pairs from the same place on. Until the
record comes back, a partition holds a little more than its bound.
"""

from dataclasses import dataclass, field
from weakref import WeakSet

from models.state.control import Bound, Drop
from models.state.item_state import ItemState
from workers.items.eviction import SLACK
from workers.items.items import Items
from workers.records.out import OutRecord
from workers.settings import Settings
from workers.stream.table import TablePartition
from workers.stream.writer import Writer

BOUND_ENTRIES = 200
"""Entries that rows of pairs keep beyond `max_pairs`: 50 lose 5 % of hits, all are no better."""

# Rows that one record names at most.
MOST_AT_ONCE = 4_096


@dataclass(slots=True)
class CountsRoom:
    """`max_items` and `max_unknown_items` are divided among the partitions, whoever owns them."""

    items: Items
    settings: Settings
    writer: Writer
    topic: str
    _said: WeakSet[TablePartition[ItemState]] = field(default_factory=WeakSet)
    """Rows of which something was said and not read yet. A partition that was lost has others when it comes back."""

    def note(self, partition: int, control: Drop | Bound | None) -> None:
        """What was said was read: from now on more may be said."""
        rows = self.items.counts.partitions.get(partition)
        if control is not None and rows is not None:
            self._said.discard(rows)

    async def make(self, partition: int) -> None:
        """Say what is to leave a partition, if something is; its rows are not locked."""
        rows = self.items.counts.partitions.get(partition)
        if rows is None or rows in self._said:
            return
        control = self._control(rows)
        if control is not None:
            self._said.add(rows)
            await self.writer.send(self.topic, partition, [OutRecord(None, control.pack())])

    def _control(self, rows: TablePartition[ItemState]) -> Drop | Bound | None:
        if not rows.bound and self.items.table.pairs.followed.pairs > self.settings.max_pairs:
            return Bound(BOUND_ENTRIES)
        unknown = _too_many(rows.expendable, self._share(self.settings.max_unknown_items))
        if unknown:
            return Drop(tuple(rows.oldest(unknown, expendable_only=True)))
        most = _too_many(len(rows), self._share(self.settings.max_items))
        return Drop(tuple(rows.oldest(most))) if most else None

    def _share(self, limit: int) -> int:
        return max(1, limit // self.settings.item_partitions)


def _too_many(held: int, limit: int) -> int:
    """How many rows leave, 0 while the limit holds."""
    return min(MOST_AT_ONCE, held - limit + int(limit * SLACK)) if held > limit else 0
