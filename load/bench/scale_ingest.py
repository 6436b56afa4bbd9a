"""A data set published flat out to a supervised worker, until it has all effects or the time is up (touches Kafka)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from load.client.backlog import Backlog, open_backlog
from load.client.replay import replay
from load.client.supervised import Supervised
from load.datasets.dataset import Dataset
from load.datasets.errors import LoadError
from workers.topics import Topics

LOOK_EVERY_S = 0.1
SHOW_EVERY_S = 10.0

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ingest:
    """`done` of `wanted` records had all their effects, `seconds` of wall time after the first was published.

    `cpu_s` is the worker's; NaN if it ended meanwhile, `ends` times.
    """

    done: int
    wanted: int
    seconds: float
    cpu_s: float
    ends: int = 0

    @property
    def per_s(self) -> float:
        """Records per second of wall time, of those that are done."""
        return self.done / self.seconds

    @property
    def per_cpu_s(self) -> float:
        """Records per second of the worker's CPU time, of those that are done."""
        return self.done / self.cpu_s if self.cpu_s else float("nan")

    @property
    def missing(self) -> str:
        """What to say of a figure of a part; empty if all is done."""
        if self.done == self.wanted:
            return ""
        return f"did not end: {self.done:,} of {self.wanted:,} in {self.seconds:,.0f} s"


async def ingest(dataset: Dataset, worker: Supervised, within_s: float, show: Show) -> Ingest:
    """Publish all of `dataset`, and watch it being worked off; raises LoadError if not even that much time is enough
    to publish it, or if Kafka fails.

    Done is what the group has committed, and a worker commits after the effects. An event also waits for its
    evidence: until that is committed too, other users' answers lack it.
    """
    settings, topics = worker.settings, Topics(worker.settings.topic_prefix)
    inputs = (topics.item_catalog, topics.user_interactions, topics.item_transitions)
    wanted = len(dataset.items) + len(dataset.ratings)
    async with open_backlog(settings.bootstrap_servers, settings.app_id, inputs) as backlog:
        ends, began, began_cpu = len(worker.ends), time.perf_counter(), worker.cpu_s()
        published = asyncio.create_task(_publish(dataset, worker))
        try:
            left = await _worked_off(published, backlog, began + within_s, show)
        finally:
            published.cancel()
        seconds, again = time.perf_counter() - began, len(worker.ends) - ends
        cpu_s = float("nan") if again or worker.ended() else worker.cpu_s() - began_cpu
        return Ingest(max(0, wanted - left), wanted, seconds, cpu_s, again)


async def _worked_off(published: asyncio.Task[None], backlog: Backlog, deadline: float, show: Show) -> int:
    """Records left at the deadline, or 0 before it."""
    next_show = time.perf_counter() + SHOW_EVERY_S
    while True:
        all_published = published.done()  # before the look: a record that it does not see was not published then
        left, now = await backlog.left(), time.perf_counter()
        if all_published:
            await published
            if not left.total() or now > deadline:
                return left.total()
        elif now > deadline:
            raise LoadError("the time was not even enough to publish the data; allow more of it")
        if now > next_show:
            next_show = now + SHOW_EVERY_S
            show("left: " + ", ".join(f"{topic} {count:,}" for topic, count in sorted(left.items())))
        await asyncio.sleep(LOOK_EVERY_S)


async def _publish(dataset: Dataset, worker: Supervised) -> None:
    topics = Topics(worker.settings.topic_prefix)
    await replay(
        dataset,
        bootstrap=worker.settings.bootstrap_servers,
        catalog_topic=topics.item_catalog,
        interactions_topic=topics.user_interactions,
    )
