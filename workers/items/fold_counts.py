"""Folds the log of evidence into the rows of one partition: the same for its owner and for who follows it."""

from collections import Counter

from models.state.control import Bound, Drop, control_of
from models.state.evidence import Evidence, Retraction, is_retraction
from models.state.item_state import ItemState
from workers.errors import BadRecordError
from workers.items.items import Items
from workers.records.codes import Reason
from workers.stream.chunk import Record
from workers.stream.table import TablePartition


class CountsFold:
    """Takes records in the order of the log; what a record changes follows from the log alone.

    Rows may be newer than the log's place, some or all of them: what they hold already changes nothing. `dropped`: rows
    by their name in metrics.
    """

    def __init__(self, items: Items, rows: TablePartition[ItemState]) -> None:
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
        else:
            if isinstance(control, Drop):
                self._drop(control, record.offset)
            elif isinstance(control, Bound):
                self._rows.bind(control.entries, record.offset)
            return control
        finally:
            self._rows.has_folded(record.offset)

    def _learn(self, piece: Evidence | Retraction, offset: int) -> None:
        rows = self._rows
        state, is_repeat = rows.get(piece.item_id), rows.evicted.covers(piece.item_id, piece.origin)
        rows.reach(piece.item_id, piece.origin)
        if (is_repeat and state is None) or (state is not None and offset < state.born):
            return
        state = rows.change(piece.item_id)  # a repeat's as well: a follower who is owner now may not have written it
        if is_repeat:
            return
        if state.born < 0:
            state.born = offset
            rows.reconsider(piece.item_id)
        if isinstance(piece, Retraction):
            state.retract(piece)
        else:
            state.apply(piece, rows.bound_at(offset))
        self._items.table.use.note(state)

    def _drop(self, control: Drop, offset: int) -> None:
        """A row that began later is another one: this record comes again, after a crash.

        Rows that are gone already are buried as well: a follower who is owner now has not written that.
        """
        gone = []
        for item_id in control.item_ids:
            state = self._rows.get(item_id)
            if state is None:
                gone.append(item_id)
            elif state.born < offset:
                self.dropped["items" if self._items.table.knows(item_id) else "unknown_items"] += 1
                self._rows.drop(item_id)
                gone.append(item_id)
        self._rows.bury(gone)
        self._rows.evict_reached(offset)
