"""Whose turn it is on the worker's one event loop: folding works in slices and lets answers go first."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Seconds of folding between two looks at the loop. Shorter costs throughput, longer is added to
# every answer that arrives meanwhile.
SLICE_S = 0.001
# Seconds that folding waits at most for answers in progress before its next slice: however many requests
# come, each agent keeps a ninth of the time. Shorter lengthens answers during ingest, longer lets a flood starve it.
LONGEST_WAIT_S = 8 * SLICE_S


class Turns:
    """Counts answers in progress; `rest` is called often by whoever folds, and gives way to them."""

    def __init__(self) -> None:
        self.slices: Counter[str] = Counter()
        """Slices that were folded until now, by what `rest` was told: who is slow still moves."""
        self._answering = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._slice_began = time.perf_counter()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While inside, folding gives way at the end of its slice."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    @contextmanager
    def waiting_for_folding(self) -> Iterator[None]:
        """Inside an answer that needs an event first: as if nobody asked."""
        self._end()
        try:
            yield
        finally:
            self._begin()

    def _begin(self) -> None:
        self._answering += 1
        self._quiet.clear()

    def _end(self) -> None:
        self._answering -= 1
        if not self._answering:
            self._quiet.set()

    async def rest(self, topic: str = "") -> None:
        """Give way if this slice is over; costs a clock reading otherwise. `topic`: whose records are folded."""
        if time.perf_counter() - self._slice_began < SLICE_S:
            return
        self.slices[topic] += 1
        if self._answering:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), LONGEST_WAIT_S)
        else:
            await asyncio.sleep(0)
        self._slice_began = time.perf_counter()
