"""Items that wait for the index in the order in which they were marked, and who waits for them (no I/O)."""

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from itertools import count
from typing import Protocol


class Waiting(Protocol):
    """A chunk, or another party that waits until the index has what was pushed."""

    def park(self) -> None:
        """All is done but the index."""

    def finish(self) -> None:
        """The index has it."""


class IndexQueue:
    """Each item once, oldest mark first; a chunk waits for its own items and for what stands before them.

    Places only go up, and items are written by place: a chunk is finished when the last place among its items is
    written. An item that is marked again while it waits keeps its place, so one write serves every chunk that marked
    it; once taken, a new mark puts it at the end. O(1) an item, O(log n) a chunk; it holds one place for each item
    that waits and one entry for each chunk.
    """

    def __init__(self) -> None:
        self._places: OrderedDict[str, int] = OrderedDict()
        self._waiting: list[tuple[int, int, Waiting]] = []
        self._arrivals = count()
        self.last_position = 0
        """The highest place given so far."""

    def __len__(self) -> int:
        return len(self._places)

    def push(self, item_ids: Iterable[str], chunk: Waiting | None = None) -> None:
        """Mark items, and have `chunk` finished once they are written: at once if there are none."""
        last = 0
        for item_id in item_ids:
            position = self._places.get(item_id)
            if position is None:
                self.last_position += 1
                position = self._places[item_id] = self.last_position
            last = max(last, position)
        if chunk is None:
            return
        chunk.park()
        if last:
            heapq.heappush(self._waiting, (last, next(self._arrivals), chunk))
        else:
            chunk.finish()

    def take(self, most: int, up_to: int) -> dict[str, int]:
        """The `most` oldest items, none of a place beyond `up_to`, and their places."""
        taken: dict[str, int] = {}
        while self._places and len(taken) < most and next(iter(self._places.values())) <= up_to:
            item_id, position = self._places.popitem(last=False)
            taken[item_id] = position
        return taken

    def put_back(self, taken: dict[str, int]) -> None:
        """Have items that were taken, and not written, wait at their old places."""
        for item_id, position in reversed(taken.items()):
            self._places[item_id] = position
            self._places.move_to_end(item_id, last=False)

    def finish_written(self) -> None:
        """All that was taken is written: finish every chunk whose items are."""
        written = next(iter(self._places.values())) - 1 if self._places else self.last_position
        while self._waiting and self._waiting[0][0] <= written:
            heapq.heappop(self._waiting)[2].finish()

    def forget_waiting(self) -> None:
        """Finish no chunk that waits now; the items stay marked."""
        self._waiting.clear()
