"""A worker process under load: how fast events become answers, how long answers take, what it holds (touches Kafka)."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from load.bench.asking import REPLY_TOPIC, Clients, open_clients
from load.client.background import load_during
from load.client.backlog import open_backlog
from load.client.client import RequestClient, request_client
from load.client.kafka import ensure_own_topics
from load.client.replay import ReplayResult, replay
from load.client.requests import LoadReport, arrival_times, run_load
from load.client.worker_process import WorkerProcess
from load.datasets.dataset import Dataset
from load.datasets.errors import LoadError
from load.datasets.ratings import Ratings
from workers.topics import Topics

RATE = 50.0
LIMIT = 10
CATCH_UP_TIMEOUT_S = 180.0
POLL_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class PathSpeed:
    """Events from the first one's publication until the last one shows in user state, item state and index."""

    events: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Events per second of wall time."""
        return self.events / self.seconds


@dataclass(frozen=True, slots=True)
class Latencies:
    """Percentiles in ms, each the median over rounds; `failed`: requests without an answer."""

    p50: float
    p95: float
    p99: float
    failed: int


async def publish(dataset: Dataset, worker: WorkerProcess) -> ReplayResult:
    """All of `dataset` into the worker's input topics."""
    topics = Topics(worker.settings.topic_prefix)
    return await replay(
        dataset,
        bootstrap=worker.settings.bootstrap_servers,
        catalog_topic=topics.item_catalog,
        interactions_topic=topics.user_interactions,
    )


async def whole_path(dataset: Dataset, worker: WorkerProcess) -> PathSpeed:
    """Publish flat out and wait until all effects are there."""
    began, began_cpu = time.perf_counter(), cpu_s(worker)
    published = await publish(dataset, worker)
    await caught_up(worker)
    return PathSpeed(published.published, time.perf_counter() - began, cpu_s(worker) - began_cpu)


async def caught_up(worker: WorkerProcess) -> None:
    """Wait until every item and event has had all its effects; raises LoadError if that takes too long."""
    settings = worker.settings
    topics = Topics(settings.topic_prefix)
    inputs = (topics.item_catalog, topics.user_interactions, topics.item_transitions, topics.item_vectors)
    deadline = time.perf_counter() + CATCH_UP_TIMEOUT_S
    async with open_backlog(settings.bootstrap_servers, settings.app_id, inputs) as backlog:
        while left := (await backlog.left()).total():
            worker.check()
            if time.perf_counter() > deadline:
                raise LoadError(f"{left} records are still not folded; see {worker.log_file}")
            await asyncio.sleep(POLL_EVERY_S)


def cpu_s(worker: WorkerProcess) -> float:
    """CPU seconds that the worker has used so far."""
    return worker.scrape().total("process_cpu_seconds_total")


def memory_bytes(worker: WorkerProcess) -> float:
    """Resident memory of the worker now."""
    return worker.scrape().total("process_resident_memory_bytes")


async def idle_rounds(worker: WorkerProcess, users: Sequence[str], rounds: int, seconds: float) -> dict[str, Latencies]:
    """Turns of `seconds` each on an echo and on the worker, same clients and bodies; `echo` and `worker`."""
    async with open_clients(worker.settings) as clients:
        return await rounds_in_turn(clients, for_users(users), rounds, seconds)


async def rounds_in_turn(
    clients: Clients, bodies: Sequence[Mapping[str, Any]], rounds: int, seconds: float
) -> dict[str, Latencies]:
    """As `idle_rounds`, with clients that are open."""
    both = {"echo": clients.echo, "worker": clients.worker}
    reports: dict[str, list[LoadReport]] = {name: [] for name in both}
    for client in both.values():
        await _ask(client, bodies, 1.0)  # first requests open connections and fill caches
    for _ in range(rounds):
        for name, client in both.items():
            reports[name].append(await _ask(client, bodies, seconds))
    return {name: latencies(found) for name, found in reports.items()}


async def busy_round(worker: WorkerProcess, users: Sequence[str], ingest: Dataset) -> Latencies:
    """The same load from the publication of `ingest`, flat out, until all of it is folded."""
    bootstrap = worker.settings.bootstrap_servers
    await ensure_own_topics(bootstrap, [REPLY_TOPIC])
    async with request_client(bootstrap, _request_topic(worker), REPLY_TOPIC) as client:
        _, report = await load_during(whole_path(ingest, worker), client, for_users(users), RATE)
    return latencies([report])


def latencies(reports: Sequence[LoadReport]) -> Latencies:
    """Medians over rounds of each percentile: one disturbed round does not decide."""
    p50, p95, p99 = (float(np.median([r.percentile(percent) for r in reports])) for percent in (50, 95, 99))
    return Latencies(p50, p95, p99, sum(report.requests - report.answered for report in reports))


def as_other_users(ratings: Ratings) -> Ratings:
    """The same ratings by as many new users: events that the worker has not had."""
    return replace(ratings, user=ratings.user + int(ratings.user.max(initial=0)))


def for_users(users: Sequence[str]) -> list[dict[str, Any]]:
    """One request for each of `users`."""
    return [{"kind": "for_user", "user_id": user, "limit": LIMIT} for user in users]


async def _ask(client: RequestClient, bodies: Sequence[Mapping[str, Any]], seconds: float) -> LoadReport:
    return await run_load(client, bodies, arrival_times(RATE, seconds))


def _request_topic(worker: WorkerProcess) -> str:
    return Topics(worker.settings.topic_prefix).recommendation_requests
