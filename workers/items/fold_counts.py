"""Folds the log of evidence into the rows of one partition: the same for its owner and for who follows it."""

from collections import Counter

from models.state.control import Bound, Drop, control_of
from models.state.evidence import Evidence, Retraction, is_retraction
from models.state.item_state import ItemState
from workers.errors import BadRecordError
from workers.items.items import Items
from workers.records.codes import Reason
from workers.records.out import OutRecord
from workers.stream.chunk import Record
from workers.stream.table import TablePartition


class CountsFold:
    """Takes records in the order of the log; what a record changes follows from the log alone.

    `notes` are changelog records to be written with the rows: floors of dropped rows, and a bound. `named`: items whose
    rows may be written only after the notes, because they were told to leave. `dropped`: rows by their name in metrics.
    """

    def __init__(self, items: Items, rows: TablePartition[ItemState]) -> None:
        self.notes: dict[bytes, OutRecord] = {}
        self.named: set[str] = set()
        self.dropped: Counter[str] = Counter()
        self._items = items
        self._rows = rows

    def take(self, record: Record) -> Drop | Bound | None:
        """Fold one record; what it said to all, if it did. Raises `BadRecordError` for bytes that can't be read."""
        value = record.value or b""
        try:
            control = control_of(value)
            if control is None:
                self._learn(Retraction.unpack(value) if is_retraction(value) else Evidence.unpack(value), record.offset)
        except ValueError as error:
            raise BadRecordError(Reason.INVALID_EVIDENCE, f"evidence is unreadable: {error}") from error
        if isinstance(control, Drop):
            self._drop(control, record.offset)
        elif isinstance(control, Bound):
            self._note(self._rows.bind(control.entries, record.offset))
        return control

    def _learn(self, piece: Evidence | Retraction, offset: int) -> None:
        rows = self._rows
        if rows.evicted.covers(piece.item_id, piece.origin):
            return
        state = rows.change(piece.item_id)
        if state.born < 0:
            state.born = offset
            rows.reconsider(piece.item_id)
        if isinstance(piece, Retraction):
            state.retract(piece)
        else:
            state.apply(piece, rows.bound_at(offset))
        self._items.table.use.note(state)

    def _drop(self, control: Drop, offset: int) -> None:
        """A row that began later is another one: this record comes again, after a crash or to who followed before.

        So tombstones, floors, and rows in place of those that left are written whether they left now or before.
        """
        for item_id in control.item_ids:
            state = self._rows.get(item_id)
            if state is None:
                continue
            if state.born < offset:
                self.dropped["items" if self._items.table.knows(item_id) else "unknown_items"] += 1
                self._rows.drop(item_id)
            else:
                self._rows.change(item_id)
        self._rows.bury(control.item_ids)
        self.named.update(control.item_ids)
        self._note(self._rows.eviction_record())

    def _note(self, record: OutRecord | None) -> None:
        if record is not None:
            self.notes[record.key or b""] = record
