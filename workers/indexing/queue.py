"""Items that wait for the index in the order in which they were marked, and who waits for them (no I/O)."""

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Protocol


class Waiting(Protocol):
    """A chunk, or another party that waits until the index has what was pushed."""

    def park(self) -> None:
        """All is done but the index."""

    def finish(self) -> None:
        """The index has it."""


@dataclass(slots=True)
class Mark:
    """An item that waits: its place in the queue, its partition, and whether all of it is to be written."""

    position: int
    partition: int
    whole: bool


class IndexQueue:
    """Each item once, oldest mark first; a chunk waits for its own items and for what stands before them.

    Places only go up, and items are written by place: a chunk is finished when the last place among its items is
    written. An item that is marked again while it waits keeps its place, so one write serves every chunk that marked
    it; once taken, a new mark puts it at the end. O(1) an item, O(log n) a chunk; it holds one mark for each item
    that waits and one entry for each chunk.
    """

    def __init__(self) -> None:
        self._marks: OrderedDict[str, Mark] = OrderedDict()
        self._waiting: list[tuple[int, int, Waiting]] = []
        self._arrivals = count()
        self.last_position = 0
        """The highest place given so far."""

    def __len__(self) -> int:
        return len(self._marks)

    def push(self, partition: int, item_ids: Iterable[str], *, whole: bool, chunk: Waiting | None = None) -> None:
        """Mark items, and have `chunk` finished once they are written: at once if there are none."""
        last = 0
        for item_id in item_ids:
            mark = self._marks.get(item_id)
            if mark is None:
                self.last_position += 1
                mark = self._marks[item_id] = Mark(self.last_position, partition, whole)
            mark.whole = mark.whole or whole
            last = max(last, mark.position)
        if chunk is None:
            return
        chunk.park()
        if last:
            heapq.heappush(self._waiting, (last, next(self._arrivals), chunk))
        else:
            chunk.finish()

    def take(self, most: int, up_to: int) -> dict[str, Mark]:
        """The `most` oldest items, none of a place beyond `up_to`."""
        taken: dict[str, Mark] = {}
        while self._marks and len(taken) < most and next(iter(self._marks.values())).position <= up_to:
            item_id, mark = self._marks.popitem(last=False)
            taken[item_id] = mark
        return taken

    def put_back(self, taken: dict[str, Mark]) -> None:
        """Have items that were taken, and not written, wait at their old places."""
        for item_id, mark in reversed(taken.items()):
            again = self._marks.pop(item_id, None)
            mark.whole = mark.whole or (again is not None and again.whole)
            self._marks[item_id] = mark
            self._marks.move_to_end(item_id, last=False)

    def finish_written(self) -> None:
        """All that was taken is written: finish every chunk whose items are."""
        written = next(iter(self._marks.values())).position - 1 if self._marks else self.last_position
        while self._waiting and self._waiting[0][0] <= written:
            heapq.heappop(self._waiting)[2].finish()

    def forget_waiting(self) -> None:
        """Finish no chunk that waits now; the items stay marked."""
        self._waiting.clear()
