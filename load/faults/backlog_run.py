"""A whole data set published flat out to one supervised worker, until all of it shows in answers (Kafka, processes)."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from load.client.backlog import Backlog, open_backlog
from load.client.replay import replay
from load.client.supervised import Supervised
from load.client.waiting import until
from load.datasets.dataset import Dataset
from load.datasets.errors import LoadError
from load.faults.duty_cycle import DutyCycle, Share
from workers.runtime.run import prepare_topics
from workers.settings import Settings
from workers.topics import Topics

POLL_EVERY_S = 0.5
READY_WITHIN_S = 120.0  # 3 s on an idle machine with two cores
MB = 1e6


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run is: seconds since it began, records not committed, memory of the worker, how often it ended."""

    at_s: float
    left: Counter[str]
    memory_mb: float
    ends: int


@dataclass(frozen=True, slots=True)
class BacklogRun:
    """Seconds from the first publication until all was published, items were searchable, events folded into users,
    and their evidence showed; NaN for what did not happen. `ends`: exit codes of the worker, none if it lived through.
    """

    items: int
    users: int
    events: int
    published_s: float
    searchable_s: float
    folded_s: float
    shown_s: float
    left: int
    ends: tuple[int, ...]
    peak_mb: float

    @property
    def survived(self) -> bool:
        """Whether all was worked off without a single end of the worker."""
        return not self.left and not self.ends

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return {**asdict(self), "ends": list(self.ends)}


async def work_off(
    dataset: Dataset,
    settings: Settings,
    log_file: Path,
    *,
    within_s: float,
    share: Share | None = None,
    show: Callable[[Snapshot], None] = lambda snapshot: None,
) -> BacklogRun:
    """Publish `dataset` and watch a worker of its own work it off; it gets `share` of the time, None: all of it.

    A worker that ends is started again; what is not worked off within the time is in `left`. Raises LoadError if the
    worker is not ready in time, or if Kafka fails.
    """
    await prepare_topics(settings)
    topics = Topics(settings.topic_prefix)
    worker = Supervised(settings, log_file)
    worker.start()
    try:
        with nullcontext() if share is None else DutyCycle(worker.signal, share):
            await until(worker.ready, READY_WITHIN_S, "the worker is ready")
            inputs = (topics.item_catalog, topics.user_interactions, topics.item_transitions)
            async with open_backlog(settings.bootstrap_servers, settings.app_id, inputs) as backlog:
                return await _watched(dataset, topics, worker, backlog, within_s, show)
    finally:
        worker.discard()


async def _watched(
    dataset: Dataset,
    topics: Topics,
    worker: Supervised,
    backlog: Backlog,
    within_s: float,
    show: Callable[[Snapshot], None],
) -> BacklogRun:
    began = time.monotonic()
    publishing = asyncio.create_task(_published_s(dataset, worker.settings, topics))
    reached = dict.fromkeys((topics.item_catalog, topics.user_interactions, topics.item_transitions), float("nan"))
    peak_mb, snapshot = 0.0, Snapshot(0.0, Counter(), 0.0, 0)
    try:
        while snapshot.at_s < within_s:
            snapshot = Snapshot(time.monotonic() - began, await backlog.left(), _memory_mb(worker), len(worker.ends))
            peak_mb = max(peak_mb, snapshot.memory_mb)
            show(snapshot)
            if publishing.done():
                _note(reached, snapshot)
                if not snapshot.left.total():
                    break
            await asyncio.sleep(POLL_EVERY_S)
        published_s = publishing.result() if publishing.done() else float("nan")
    finally:
        publishing.cancel()
    return BacklogRun(
        items=len(dataset.items),
        users=len(set(dataset.ratings.user.tolist())),
        events=len(dataset.ratings),
        published_s=published_s,
        searchable_s=reached[topics.item_catalog],
        folded_s=reached[topics.user_interactions],
        shown_s=reached[topics.item_transitions],
        left=snapshot.left.total(),
        ends=tuple(worker.ends),
        peak_mb=peak_mb,
    )


def _note(reached: dict[str, float], snapshot: Snapshot) -> None:
    """When each topic was worked off for good: evidence is so once no event can bring more."""
    for topic in reached:
        if snapshot.left[topic]:
            reached[topic] = float("nan")
        elif reached[topic] != reached[topic]:
            reached[topic] = snapshot.at_s


async def _published_s(dataset: Dataset, settings: Settings, topics: Topics) -> float:
    published = await replay(
        dataset,
        bootstrap=settings.bootstrap_servers,
        catalog_topic=topics.item_catalog,
        interactions_topic=topics.user_interactions,
    )
    return published.seconds


def _memory_mb(worker: Supervised) -> float:
    try:
        return worker.anonymous_bytes() / MB
    except (LoadError, ValueError):  # between two of its processes there is none to ask
        return 0.0
