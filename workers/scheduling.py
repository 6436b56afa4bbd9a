"""Shares the worker's one event loop: folding works in slices and lets answers go first."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Under this name items written to the index are counted, beside the slices of topics.
INDEX = "index"
# Seconds of folding between two yields to the loop. Shorter costs throughput, longer is added to
# every answer that arrives meanwhile.
SLICE_S = 0.001
# Seconds that folding waits at most for answers in progress before its next slice: however many requests
# come, each agent keeps a ninth of the time. Shorter lengthens answers during ingest, longer lets a flood starve it.
LONGEST_WAIT_S = 8 * SLICE_S
# How often a long job rests for as long as it worked. A request passes the loop ten times: it would meet a job
# that goes on without a rest at each of them. More costs throughput, less latency.
RESTS = 1.0
# After an answer the next request may be on its way for so many seconds.
LATELY_S = 1.0


class Scheduler:
    """Counts answers in progress; `rest` is called often while folding, and gives way to them."""

    def __init__(self) -> None:
        self.slices: Counter[str] = Counter()
        """Work until now: slices folded, by what `rest` was given, and what `count` was: a slow worker still moves."""
        self._answering = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._slice_began = time.perf_counter()
        self._answered_at = -LATELY_S

    @property
    def asked_lately(self) -> bool:
        """Whether an answer is in progress, or ended a moment ago."""
        return self._answering > 0 or time.monotonic() - self._answered_at < LATELY_S

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
        """Inside an answer that needs an event first: as if no answer were in progress."""
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
        self._answered_at = time.monotonic()
        if not self._answering:
            self._quiet.set()

    def count(self, what: str, amount: int) -> None:
        """Note `amount` pieces of work that no slice shows."""
        self.slices[what] += amount

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


class Pace:
    """Measures work on a long job, and rests in proportion to it while requests come.

    What others do on this thread while the job waits inside, for a server say, counts as well.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._worked_s = 0.0
        self._began_s = 0.0

    def __enter__(self) -> None:
        self._began_s = time.thread_time()

    def __exit__(self, *_: object) -> None:
        self._worked_s += time.thread_time() - self._began_s

    async def rest(self) -> None:
        """Leave the loop to others for `RESTS` times as long as the thread worked inside, or for one pass of it."""
        await asyncio.sleep(RESTS * self._worked_s if self._scheduler.asked_lately else 0.0)
