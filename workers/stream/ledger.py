"""Which chunks are out, and up to where each partition may be committed (no I/O)."""

from collections import deque

from aiokafka import TopicPartition

from workers.stream.chunk import Chunk


class Ledger:
    """Chunks per partition in delivery order; only a finished prefix is committable. O(1) per chunk."""

    def __init__(self) -> None:
        self._out: dict[TopicPartition, deque[Chunk]] = {}
        self._committable: dict[TopicPartition, int] = {}
        self._finished: dict[TopicPartition, int] = {}

    def deliver(self, chunk: Chunk) -> None:
        """Note that `chunk` was handed to its agent."""
        self._out.setdefault(chunk.tp, deque()).append(chunk)
        self._finished.setdefault(chunk.tp, chunk.records[0].offset)

    def settle(self, tp: TopicPartition) -> None:
        """Move the finished prefix of `tp` to what may be committed."""
        queue = self._out.get(tp)
        while queue and queue[0].done:
            self._committable[tp] = self._finished[tp] = queue.popleft().next_offset

    def go_past(self, tp: TopicPartition, offset: int) -> None:
        """All below `offset` is finished, and nothing of `tp` is out: what was not delivered holds no record for us."""
        if offset > self._finished.setdefault(tp, offset):
            self._committable[tp] = self._finished[tp] = offset

    def withdraw_waiting(self) -> None:
        """Take back all chunks that no agent has begun; their records are read again from the commit."""
        for queue in self._out.values():
            while queue and not queue[-1].begun:
                queue.pop().withdrawn = True

    def leave_parked(self) -> bool:
        """Forget unfinished chunks, uncommitted, if all of them only wait to be written; whether that is so."""
        if any(not (chunk.parked or chunk.done) for queue in self._out.values() for chunk in queue):
            return False
        for queue in self._out.values():
            queue.clear()
        return True

    def outstanding(self, tp: TopicPartition) -> int:
        """Number of chunks of `tp` that are unfinished, or wait behind one that is."""
        return len(self._out.get(tp, ()))

    def at_work(self, tp: TopicPartition) -> int:
        """Number of chunks of `tp` that an agent has, or will have: not done, nor waiting to be written."""
        count = 0
        for chunk in reversed(self._out.get(tp, ())):
            if chunk.parked:
                break  # an agent takes the chunks of a partition in their order: those before are parked as well
            count += not chunk.done
        return count

    def is_parked(self, tp: TopicPartition) -> bool:
        """Whether the oldest chunk of `tp` that is out only waits for the index, or for rows to be written."""
        queue = self._out.get(tp)
        return queue[0].parked if queue else False

    def unfinished(self) -> list[TopicPartition]:
        """Partitions that still have chunks out."""
        return [tp for tp, queue in self._out.items() if queue]

    def finished_to(self, tp: TopicPartition) -> int | None:
        """Offset below which all of `tp` is finished; None before its first poll."""
        return self._finished.get(tp)

    def forget_positions(self) -> None:
        """Partitions may come back from elsewhere: how far we got says nothing any more."""
        self._finished.clear()

    def committable(self) -> dict[TopicPartition, int]:
        """Next offset of each partition that moved since it was last confirmed."""
        return dict(self._committable)

    def confirm(self, committed: dict[TopicPartition, int]) -> None:
        """Forget offsets that need no commit any more."""
        for tp, offset in committed.items():
            if self._committable.get(tp) == offset:
                del self._committable[tp]
