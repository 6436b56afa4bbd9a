"""Ends a worker that is alive and does not move, so that its supervisor starts it again (asks Kafka, ends the process).

Two ways to stand still: records wait and nothing comes of them, or the event loop itself is held up (`pulse.py`). What
is known to be away (the index, Kafka) is waited for and shown instead: a restart would not bring it back. A worker that
is slow is not ended: every piece of work counts as a move, and time only while the process runs.
"""

import asyncio
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
from workers.runtime.pulse import EXIT_STUCK, Pulse
from workers.scheduling import INDEX
from workers.stream.reader import Standing

log = logging.getLogger(__name__)

Standings = Mapping[TopicPartition, Standing]

# While chunks of other partitions are finished, one that shows no work of its own gets so many times the limit.
IN_QUEUE = 5
# Checks in the time allowed: a stall is noticed at most a quarter of it late.
CHECKS = 4
ANSWER_WITHIN_S = 5.0
# Share of the limit that clients get to connect again to a Kafka that answers.
RECONNECT_SHARE = 0.5


class StallRule:
    """Which partitions have had records to work on, and nothing to show for it, for `limit_s` seconds (no I/O).

    `work` done until now, by topic and of the index: a chunk may take as long as it takes while what holds it moves,
    its agent or the index, however slowly. `agent_of` a topic: one agent may have several.
    """

    def __init__(self, limit_s: float, work: Mapping[str, int], agent_of: Callable[[str], str] = str) -> None:
        self._limit_s = limit_s
        self._work = work
        self._agent_of = agent_of
        self._moved: dict[str, tuple[int, float]] = {}
        self._last: dict[TopicPartition, tuple[object, float]] = {}
        self._holder: dict[TopicPartition, str] = {}

    def stalled(self, found: Standings | None, now_s: float) -> list[TopicPartition]:
        """The stalled partitions at `now_s`; None found: Kafka did not answer, nothing moved as far as we know."""
        for what, amount in self._work.items():
            if what not in self._moved or self._moved[what][0] != amount:
                self._moved[what] = (amount, now_s)
        if found is not None:
            self._last = {tp: self._since(tp, standing, now_s) for tp, standing in found.items()}
            self._holder = {tp: self._held_by(tp, standing) for tp, standing in found.items() if standing.chunks_out}
        return [tp for tp in self._last if self._stands(tp, now_s)]

    def forget(self) -> None:
        """Start over: what was waited for is not the worker's fault."""
        self._last.clear()

    def _held_by(self, tp: TopicPartition, standing: Standing) -> str:
        return INDEX if standing.waits_for_index else self._agent_of(tp.topic)

    def _stands(self, tp: TopicPartition, now_s: float) -> bool:
        since_s, holder = self._last[tp][1], self._holder.get(tp)
        if holder is None:
            return now_s - since_s >= self._limit_s
        works = [at_s for what, (_, at_s) in self._moved.items() if holder in (what, self._agent_of(what))]
        stood_s = now_s - max([since_s, *works])
        finished_s = max(self._last[other][1] for other, name in self._holder.items() if name == holder)
        finishes = now_s - finished_s < self._limit_s
        return stood_s >= (IN_QUEUE * self._limit_s if finishes else self._limit_s)

    def _since(self, tp: TopicPartition, standing: Standing, now_s: float) -> tuple[object, float]:
        before = self._last.get(tp)
        if standing.has_work and before is not None and before[0] == standing.mark:
            return before
        return standing.mark, now_s


class Watchdog(Service):
    """Checks all readers' partitions, and has the process ended by a thread if the event loop stops.

    `work` and `agent_of` as in `StallRule`.
    """

    def __init__(
        self,
        readers: Sequence[Callable[[], Awaitable[Standings]]],
        kafka_answers: Callable[[], Awaitable[bool]],
        waits_for: Callable[[], str | None],
        metrics: Metrics,
        work: Mapping[str, int],
        *,
        limit_s: float,
        agent_of: Callable[[str], str] = str,
        end: Callable[[str], Any] | None = None,
    ) -> None:
        super().__init__()
        self._readers = readers
        self._kafka_answers = kafka_answers
        self._waits_for = waits_for
        self._metrics = metrics
        self._limit_s = limit_s
        self._rule = StallRule(limit_s, work, agent_of)
        self._pulse = Pulse(limit_s)
        self._unheard_since_s: float | None = None
        self._end = end or end_process

    async def on_started(self) -> None:
        self._pulse.start()
        self.add_future(self._beat_forever())
        self.add_future(self._check_forever())

    async def on_stop(self) -> None:
        self._pulse.stop()

    async def check(self, now_s: float) -> None:
        """Compare with earlier checks; ends the process if something stands still for no known reason."""
        found = await self._ask()
        if found is not None:
            self._unheard_since_s = None
        stalled = self._rule.stalled(found, now_s)
        if not stalled:
            self._metrics.set_waiting(None)
            return
        cause = self._waits_for() or (None if await self._kafka_answers() else "kafka")
        if cause is None and found is None and not self._is_deaf(now_s):
            return
        self._metrics.set_waiting(cause)
        if cause is None:
            self._end(_story(stalled, found, self._limit_s))
            return
        self._unheard_since_s = None
        log.warning("no progress in %d partitions: waiting for %s", len(stalled), cause)
        self._rule.forget()

    def _is_deaf(self, now_s: float) -> bool:
        """Whether Kafka has answered for a while, and not to the worker's own clients.

        A broker that came back during the check answers us at once, and them only when they have connected again.
        """
        if self._unheard_since_s is None:
            self._unheard_since_s = now_s
        return now_s - self._unheard_since_s >= RECONNECT_SHARE * self._limit_s

    async def _check_forever(self) -> None:
        while not self.should_stop:
            await self.sleep(self._limit_s / CHECKS)
            await self.check(self._pulse.ran_s)

    async def _beat_forever(self) -> None:
        while not self.should_stop:
            self._pulse.beat()
            await self.sleep(self._limit_s / CHECKS)

    async def _ask(self) -> Standings | None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return {tp: standing for ask in self._readers for tp, standing in (await ask()).items()}
        except (KafkaError, TimeoutError):
            return None


def end_process(story: str) -> NoReturn:
    """Log what happened and where each coroutine waits, and end at once: all that was not committed is repeated."""
    log.critical("%s", story)
    # A task shows its outermost coroutine only; the one that hangs is further in.
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
    elif found[tp].waits_for_index:
        why = f"the index does not take what waits for it: {found[tp]}"
    elif found[tp].chunks_out:
        why = f"an agent does not finish what it holds: {found[tp]}"
    else:
        why = f"the consumer brings nothing: {found[tp]}"
    return (
        f"no progress for {limit_s:g} s in {len(stalled)} partitions, the first {tp.topic}[{tp.partition}]: {why}. "
        "The worker ends; started again, it repeats from the last commit. Where each coroutine waits:"
    )
