"""Rows of items' use as they are read outside of a worker: each with the counts of its pairs (no I/O)."""

from collections.abc import Mapping

import numpy as np

from models.primitives.text import Vector
from models.retrieval.item_table import ItemTable
from models.state import item_state
from models.state.item_pairs import ItemPairs
from models.state.item_state import ItemState
from models.state.pair_bytes import Counts, PairRow
from workers.stream.table import Table


class CountsRow:
    """One item's use, and what its slot has in the pairs; counts by sparse index of the other item, none that is 0.

    >>> row = CountsRow.alone()
    >>> row.use.count, row.transitions(), row.cooccurrence(), row.bought()
    (0, {}, {}, {})
    """

    __slots__ = ("_pairs", "use")

    def __init__(self, use: ItemState, pairs: ItemPairs) -> None:
        self.use = use
        self._pairs = pairs

    @classmethod
    def alone(cls, packed: bytes | None = None) -> "CountsRow":
        """A row with pairs of its own, 0.3 ms and 0.3 MB; empty without `packed`, ValueError for malformed bytes."""
        pairs = ItemPairs()
        return cls(ItemState(pairs, 0) if packed is None else ItemState.unpack(packed, pairs, 0), pairs)

    def transitions(self) -> dict[int, int]:
        """What came before the item, in parts of 2520."""
        row = self._followed()
        return _counts(row, row.near)

    def cooccurrence(self) -> dict[int, int]:
        """What those had before who liked the item, in events."""
        row = self._followed()
        return _counts(row, row.liked)

    def bought(self) -> dict[int, int]:
        """What those bought first who bought the item, in users."""
        self._pairs.settle()
        row = self._pairs.bought.row(self.use.slot)
        return _counts(row, row.liked)

    def marks(self) -> Mapping[int, int]:
        """The last offset applied of each origin."""
        return self.use.marks()

    def pack(self) -> bytes:
        """As the worker packs it."""
        return self.use.pack()

    def _followed(self) -> PairRow:
        self._pairs.settle()
        return self._pairs.followed.row(self.use.slot)


def rows_of_counts(packed: Mapping[str, bytes]) -> dict[str, CountsRow]:
    """Rows by item id, which share one table of pairs; ValueError for malformed bytes."""
    shared = ItemTable(1, _no_vector)
    return {item_id: CountsRow(shared.load_state(item_id, row), shared.pairs) for item_id, row in packed.items()}


def counts_table(changelog: str) -> Table[CountsRow]:
    """A table whose rows share the pairs of one item table: 24 to 60 bytes a pair once they are asked for."""
    shared = ItemTable(1, _no_vector)
    return Table(
        changelog,
        lambda item_id, packed: CountsRow(shared.load_state(item_id, packed), shared.pairs),
        lambda item_id: CountsRow(shared.new_state(item_id), shared.pairs),
        kind=item_state.KIND,
        version=item_state.VERSION,
        forget=shared.drop_state,
    )


def _no_vector(item_id: str) -> Vector:
    return np.zeros(1, dtype=np.float32)


def _counts(row: PairRow, column: Counts) -> dict[int, int]:
    kept = column > 0
    return dict(zip(row.keys[kept].tolist(), column[kept].tolist(), strict=True))
