"""The pair counts of all items, by slot of the one that came second: what came after what, what was bought with it."""

from models.primitives.packing import Reader
from models.state.evidence import WINDOW, Evidence
from models.state.item_state import NEAR_WINDOW
from models.state.pair_bytes import Keys
from models.state.pair_table import PairTable


class ItemPairs:
    """`followed` counts events after other items of the history; `bought` (in `liked` alone) users who bought both.

    Evidence gathers and is counted by one call at the next question, or by `settle`.
    """

    def __init__(self) -> None:
        self.followed = PairTable(near_window=NEAR_WINDOW)
        self.bought = PairTable(near_window=0)
        self._followed: list[tuple[int, Keys, bool, int]] = []
        self._bought: list[tuple[int, Keys, bool, int]] = []

    def name(self, slot: int, index: int) -> None:
        """Have a slot, with the sparse index of its item."""
        self.followed.name(slot, index)
        self.bought.name(slot, index)

    def learn(self, slot: int, evidence: Evidence, bound: int = 0) -> None:
        """Count one evidence on the slot's item; `bound` of the entries of its rows, 0 for none."""
        if len(evidence.predecessors):
            self._followed.append((slot, evidence.predecessors[:WINDOW], evidence.weight > 0, bound))
        if len(evidence.bought_with):
            self._bought.append((slot, evidence.bought_with[:WINDOW], True, bound))

    def take_back(self, slot: int, evidence: Evidence) -> None:
        """Undo `learn`; counts end at 0."""
        self.settle()
        self.followed.take_back(slot, evidence.predecessors[:WINDOW], evidence.weight > 0)
        self.bought.take_back(slot, evidence.bought_with[:WINDOW], True)

    def settle(self) -> None:
        """Count what has gathered."""
        if self._followed:
            gathered, self._followed = self._followed, []
            self.followed.learn(*zip(*gathered, strict=True))
        if self._bought:
            gathered, self._bought = self._bought, []
            self.bought.learn(*zip(*gathered, strict=True))

    def relist(self) -> None:
        """Have lists right again after counts fell; O(pairs) if there are any that may be wrong."""
        self.settle()
        self.followed.relist()
        self.bought.relist()

    def drop(self, slot: int) -> None:
        """Forget the counts of a slot's item."""
        self.settle()
        self.followed.drop(slot)
        self.bought.drop(slot)

    def pack(self, slot: int) -> bytes:
        """The slot's rows, see `PairTable.pack`."""
        self.settle()
        return self.followed.pack(slot) + self.bought.pack(slot)

    def load(self, slot: int, reader: Reader) -> None:
        """Take rows that `pack` made, instead of those that there are; ValueError on truncated or malformed ones."""
        self.settle()
        self.followed.load(slot, reader)
        self.bought.load(slot, reader)
