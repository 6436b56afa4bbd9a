"""Ends a worker that is alive and does not move, so that its supervisor starts it again (asks Kafka, ends the process).

Two ways to stand still: records wait and nothing comes of them, or the event loop itself is held up. What is known to
be away (the index, Kafka) is waited for and shown instead: a restart would not bring it back.
"""

import asyncio
import faulthandler
import gc
import inspect
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from workers.metrics import Metrics
from workers.stream.reader import Standing

log = logging.getLogger(__name__)

Standings = Mapping[TopicPartition, Standing]

# While an agent folds on, or finishes chunks of other partitions, a chunk that it holds gets so many times the limit: a
# slow machine is not a stuck one.
IN_QUEUE = 5
# Looks in the time allowed: a stall is noticed at most a quarter of it late.
LOOKS = 4
ANSWER_WITHIN_S = 5.0
EXIT_STUCK = 1
STANDARD_ERROR = 2  # its number: a thread without the interpreter can't use the object


class StallRule:
    """Which partitions have had records to work on, and nothing to show for it, for `limit_s` seconds (no I/O).

    `slices` of folded records by topic: an agent that folds on, however slowly, does not stand still.
    """

    def __init__(self, limit_s: float, slices: Mapping[str, int]) -> None:
        self._limit_s = limit_s
        self._slices = slices
        self._folded: dict[str, tuple[int, float]] = {}
        self._last: dict[TopicPartition, tuple[object, float]] = {}
        self._queued: set[TopicPartition] = set()

    def stalled(self, found: Standings | None, now_s: float) -> list[TopicPartition]:
        """Take a look at `now_s`; None for one that nobody answered: nothing has moved as far as we know."""
        if found is not None:
            self._last = {tp: self._since(tp, standing, now_s) for tp, standing in found.items()}
            self._queued = {tp for tp, standing in found.items() if standing.chunks_out}
        return [tp for tp, (_, since_s) in self._last.items() if now_s - since_s >= self._allowed_s(tp, now_s)]

    def forget(self) -> None:
        """Begin anew: what was waited for is no fault of ours."""
        self._last.clear()

    def _allowed_s(self, tp: TopicPartition, now_s: float) -> float:
        """Longer while the agent that holds this partition's chunks moves."""
        if tp not in self._queued:
            return self._limit_s
        finished_s = max(self._last[other][1] for other in self._queued if other.topic == tp.topic)
        moved_s = max(finished_s, self._folded_s(tp.topic, now_s))
        return self._limit_s * IN_QUEUE if now_s - moved_s < self._limit_s else self._limit_s

    def _folded_s(self, topic: str, now_s: float) -> float:
        slices, before = self._slices.get(topic, 0), self._folded.get(topic)
        if before is None or before[0] != slices:
            before = self._folded[topic] = (slices, now_s)
        return before[1]

    def _since(self, tp: TopicPartition, standing: Standing, now_s: float) -> tuple[object, float]:
        before = self._last.get(tp)
        if standing.has_work and before is not None and before[0] == standing.mark:
            return before
        return standing.mark, now_s


class Watchdog(Service):
    """Looks at all readers' partitions, and has the process ended by a thread if the event loop stops."""

    def __init__(
        self,
        readers: Sequence[Callable[[], Awaitable[Standings]]],
        kafka_answers: Callable[[], Awaitable[bool]],
        waits_for: Callable[[], str | None],
        metrics: Metrics,
        slices: Mapping[str, int],
        *,
        limit_s: float,
        end: Callable[[str], Any] | None = None,
    ) -> None:
        super().__init__()
        self._readers = readers
        self._kafka_answers = kafka_answers
        self._waits_for = waits_for
        self._metrics = metrics
        self._limit_s = limit_s
        self._rule = StallRule(limit_s, slices)
        self._end = end or end_process

    async def on_started(self) -> None:
        self.add_future(self._beat_forever())
        self.add_future(self._look_forever())

    async def on_stop(self) -> None:
        faulthandler.cancel_dump_traceback_later()

    async def look(self, now_s: float) -> None:
        """Compare with earlier looks; ends the process if something stands still for no known reason."""
        found = await self._ask()
        stalled = self._rule.stalled(found, now_s)
        if not stalled:
            self._metrics.set_waiting(None)
            return
        cause = self._waits_for() or (None if await self._kafka_answers() else "kafka")
        self._metrics.set_waiting(cause)
        if cause is None:
            self._end(_story(stalled, found, self._limit_s))
            return
        log.warning("no progress in %d partitions: waiting for %s", len(stalled), cause)
        self._rule.forget()

    async def _look_forever(self) -> None:
        while not self.should_stop:
            await self.sleep(self._limit_s / LOOKS)
            await self.look(asyncio.get_running_loop().time())

    async def _beat_forever(self) -> None:
        # A thread outside the interpreter: it writes every stack and ends the process even if a library never
        # gives the interpreter back.
        while not self.should_stop:
            faulthandler.dump_traceback_later(self._limit_s, exit=True, file=STANDARD_ERROR)
            await self.sleep(self._limit_s / LOOKS)

    async def _ask(self) -> Standings | None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return {tp: standing for ask in self._readers for tp, standing in (await ask()).items()}
        except (KafkaError, TimeoutError):
            return None


def end_process(story: str) -> NoReturn:
    """Tell what happened and where everybody waits, and end at once: all that was not committed is repeated."""
    log.critical("%s", story)
    # A task tells of its outermost coroutine only; the one that never comes back is further in.
    for one in gc.get_objects():
        if inspect.iscoroutine(one) and one.cr_frame is not None:
            code = one.cr_frame.f_code
            print(f"  {code.co_filename}:{one.cr_frame.f_lineno} in {code.co_qualname}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(EXIT_STUCK)


def _story(stalled: Sequence[TopicPartition], found: Standings | None, limit_s: float) -> str:
    tp = min(stalled)
    if found is None:
        why = "Kafka answers, but not to the worker's own clients"
    elif found[tp].chunks_out:
        why = f"an agent does not finish what it holds: {found[tp]}"
    else:
        why = f"the consumer brings nothing: {found[tp]}"
    return (
        f"no progress for {limit_s:g} s in {len(stalled)} partitions, the first {tp.topic}[{tp.partition}]: {why}. "
        "The worker ends; started again, it repeats from the last commit. Where each coroutine waits:"
    )
