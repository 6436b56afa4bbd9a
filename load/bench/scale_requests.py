"""Answers of a loaded worker: alone, beside flat-out ingest, at rising rates, and what one of them costs (Kafka)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from load.bench.asking import Clients
from load.bench.capacity import Capacity, capacity
from load.bench.path_speed import RATE, Latencies, for_users, latencies
from load.bench.scale_ingest import Ingest, Show, ingest
from load.client.background import load_during
from load.client.client import RequestClient
from load.client.requests import LoadReport, arrival_times, run_load
from load.client.scrape import Scrape
from load.client.supervised import Supervised
from load.datasets.dataset import Dataset
from load.datasets.errors import LoadError
from load.datasets.ratings import Ratings

USERS_ASKED, SEED = 1_000, 7
BUSY_WITHIN_S = 30.0
# Time runs so much faster in the events of the busy round: they all come after the others and before today.
TIME_SHARE = 1_000

Bodies = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Cost:
    """One answer at a time: `compute_ms` is the sum of its stages, p50 and p99; the rest is the mean of an answer."""

    compute_p50_ms: float
    compute_p99_ms: float
    calls: float
    searches: float
    transferred: float


@dataclass(frozen=True, slots=True)
class Busy:
    """Both latencies of the same seconds, in which `ingested` was worked off."""

    worker: Latencies
    echo: Latencies
    ingested: Ingest


@dataclass(frozen=True, slots=True)
class Reached:
    """What the worker bears, and the echo's p99 (ms) at that rate: whether the client or Kafka was the limit."""

    worker: Capacity
    echo_p99_ms: float


def bodies_of(dataset: Dataset) -> list[dict[str, Any]]:
    """Requests of users that are in the data, drawn alike each time."""
    users = np.unique(dataset.ratings.user)
    drawn = np.random.default_rng(SEED).choice(users, USERS_ASKED)
    return for_users([str(user) for user in drawn.tolist()])


def later(ratings: Ratings) -> Ratings:
    """As many new events of the same users in the same order, each of another item, after all that were.

    Users with full histories stay so, which events of new users would not show.
    """
    time_ms = ratings.time_ms[-1] + 1_000 + (ratings.time_ms - ratings.time_ms[0]) // TIME_SHARE
    return replace(ratings, item=np.roll(ratings.item, 1), time_ms=time_ms)


async def cost_of_answers(worker: Supervised, client: RequestClient, bodies: Bodies, count: int) -> Cost:
    """`count` requests, one after the other, while nothing else happens; raises LoadError for one without an answer."""
    before, taken_ms = await _scrape(worker), []
    for body in bodies[:count]:
        answer = await client.ask(body)
        if "error" in answer:
            raise LoadError(f"{dict(body)} got an error: {answer['error']}")
        taken_ms.append(sum(answer["took_ms"].values()))
    after, asked = await _scrape(worker), len(taken_ms)

    def per_answer(name: str) -> float:
        return (
            after.total(f"tastestream_index_{name}_total") - before.total(f"tastestream_index_{name}_total")
        ) / asked

    p50, p99 = (float(np.percentile(taken_ms, percent, method="inverted_cdf")) for percent in (50, 99))
    return Cost(p50, p99, per_answer("calls"), per_answer("searches"), per_answer("bytes"))


async def busy_round(worker: Supervised, clients: Clients, bodies: Bodies, more: Dataset, show: Show) -> Busy:
    """The worker and the echo asked side by side from the publication of `more`, flat out, until it is worked off."""
    work = ingest(more, worker, BUSY_WITHIN_S, show)
    beside_echo = load_during(work, clients.echo, bodies, RATE)
    (ingested, echo), report = await load_during(beside_echo, clients.worker, bodies, RATE)
    return Busy(latencies([report]), latencies([echo]), ingested)


async def highest_rate(clients: Clients, bodies: Bodies, steps: Sequence[float], step_s: float) -> Reached:
    """The worker's capacity, and the echo at the rate that was reached."""

    async def ask(client: RequestClient, rate: float) -> LoadReport:
        report = await run_load(client, bodies, arrival_times(rate, step_s))
        await client.ask(bodies[0], timeout_s=30.0)  # what a step left behind is not the next one's
        return report

    found = await capacity(lambda rate: ask(clients.worker, rate), steps)
    echo = await ask(clients.echo, found.rate or steps[0])
    return Reached(found, echo.percentile(99))


async def _scrape(worker: Supervised) -> Scrape:
    found = await worker.scrape()
    if found is None:
        raise LoadError(f"the worker does not show its metrics; see {worker.log_file}")
    return found
