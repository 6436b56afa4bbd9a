"""What is read first when partitions are taken over: what a crash may have interrupted, before anything new (no I/O).

A chunk that was interrupted had sent its evidence, and its rows were not written. Folded again from the same
rows it sends the same, and receivers skip it. Two topics may feed the rows of one partition: had a record of the
other one changed them first, the chunk would send something else. One chunk of a partition is at work at a time, so
it is enough to know of which topic it can be: before a chunk of the side topic has any effect, its end is noted in
the changelog (`TablePartition.begin`). Up to there the side topic goes first, then the main one to its present end.
"""

from collections import deque
from collections.abc import Mapping

from aiokafka import TopicPartition


class Repeats:
    """The topics of one partition in phases: each is read up to an offset while the other one waits; then both freely.

    >>> main, side = TopicPartition("events", 0), TopicPartition("rerouted", 0)
    >>> repeats = Repeats(main, side, begun=5, committed={main: 7, side: None}, ends={main: 9, side: 6})
    >>> repeats.limit(side), repeats.limit(main)
    (5, 0)
    >>> repeats.go_on()
    >>> repeats.limit(side), repeats.limit(main)
    (0, 9)
    """

    def __init__(
        self,
        main: TopicPartition,
        side: TopicPartition,
        begun: int,
        committed: Mapping[TopicPartition, int | None],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        """`begun`: the end of the last chunk of `side` that may have had effects."""
        self.tps = (main, side)
        phases = ((side, min(begun, ends[side])), (main, ends[main]))
        self._phases = deque((tp, end) for tp, end in phases if end > (committed[tp] or 0))

    def limit(self, tp: TopicPartition) -> int | None:
        """The offset that `tp` may be read up to now, 0 while it waits; None for no limit."""
        if not self._phases:
            return None
        whose, end = self._phases[0]
        return end if whose == tp else 0

    def go_on(self) -> None:
        """All of this phase is finished."""
        self._phases.popleft()
