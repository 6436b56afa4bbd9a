"""One workload from an empty broker to a restarted worker under requests, phase by phase (broker, worker, Kafka)."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.broker import Broker
from infra.ports import choose_ports
from load.bench.asking import Clients, open_clients
from load.bench.path_speed import Latencies, rounds_in_turn
from load.bench.scale_ingest import Ingest, Show, ingest
from load.bench.scale_requests import (
    Busy,
    Cost,
    Reached,
    bodies_of,
    busy_round,
    cost_of_answers,
    highest_rate,
    later,
)
from load.bench.scale_workloads import Effort, Workload
from load.client.reading import ReadSpeed, read_through
from load.client.requests import arrival_times, run_load
from load.client.supervised import Supervised
from load.client.waiting import until
from load.datasets.dataset import Dataset
from load.datasets.errors import LoadError
from workers.runtime.run import prepare_topics
from workers.settings import Settings, load_settings
from workers.topics import Topics

READY_WITHIN_S, SETTLED_WITHIN_S = 60.0, 20.0
READ_WITHIN_S, REQUESTS_WITHIN_S = 120.0, 120.0  # 60 s of requests as a rule
RESTART_SHARE = 0.5  # of the workload's time
SETTLED_CPU = 0.1  # cores that a worker uses while nothing happens, at most
LEAST_EVENTS = 500  # of the busy round
# Nothing is compacted while it is measured: bytes are those that were written, a restart reads all of them.
BROKER = {"log.cleaner.enable": "false"}


@dataclass(slots=True)
class Measured:
    """What was measured before the run ended, in this order; `failure` says why the rest is missing, if it is.

    Memory in bytes, of the worker alone and without mapped files. `changelog_b`: what events alone added to the
    changelogs on the broker's disk, compressed; `rows_read` and `changelog_read`: changelogs before and after them.
    `load_average` is that of the last five minutes, at the end.
    """

    workload: Workload
    items: int = 0
    users: int = 0
    ratings: int = 0
    codec: str = ""
    start_s: float | None = None
    empty_b: float | None = None
    catalog: Ingest | None = None
    catalog_b: float | None = None
    catalog_read: ReadSpeed | None = None
    rows_read: ReadSpeed | None = None
    events: Ingest | None = None
    events_b: float | None = None
    events_read: ReadSpeed | None = None
    changelog_b: float | None = None
    events_log_b: float | None = None
    changelog_read: ReadSpeed | None = None
    restart_s: float | None = None
    idle: dict[str, Latencies] | None = None
    cost: Cost | None = None
    reached: Reached | None = None
    busy: Busy | None = None
    ends: tuple[int, ...] = ()
    load_average: float = 0.0
    failure: str = ""


async def measure(workload: Workload, dataset: Dataset, effort: Effort, show: Show) -> Measured:
    """All phases, until one can't be done: then what was measured so far, and why not more."""
    users = len(set(dataset.ratings.user.tolist()))
    found = Measured(workload, len(dataset.items), users, len(dataset.ratings))
    with TemporaryDirectory(prefix="tastestream-scale-") as folder, Broker(overrides=BROKER) as broker:
        settings = load_settings(
            bootstrap_servers=broker.bootstrap,
            security_protocol="PLAINTEXT",
            data_path=Path(folder) / "worker",
            web_port=choose_ports(0)[0],
        )
        found.codec = settings.compression
        run = Run(found, dataset, effort, show, settings, Path(folder) / "worker.log", broker.data / "topics")
        try:
            await run.phases()
        except (LoadError, TimeoutError) as error:
            found.failure = str(error) or "requests or reads took longer than they may"
            show(f"ended early: {found.failure}")
    found.load_average = os.getloadavg()[1]
    return found


@dataclass(slots=True)
class Run:
    """The phases of one workload; each writes what it finds into `found`."""

    found: Measured
    dataset: Dataset
    effort: Effort
    show: Show
    settings: Settings
    log_file: Path
    broker_folder: Path

    async def phases(self) -> None:
        """All of them, in the order of `Measured`; raises LoadError when one does not come to its end."""
        await prepare_topics(self.settings)
        async with open_clients(self.settings) as clients:
            async with self._worker() as (worker, start_s):
                self.found.start_s = start_s
                await self._load(worker, clients)
            async with self._worker() as (worker, restart_s):
                self.found.restart_s = restart_s
                self.show(f"restarted in {restart_s:.1f} s")
                async with asyncio.timeout(REQUESTS_WITHIN_S):
                    await self._requests(worker, clients)

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[tuple[Supervised, float]]:
        """A worker that is ready, and the seconds from its start until then; stopped in order at the end."""
        worker, began = Supervised(self.settings, self.log_file), time.perf_counter()
        within_s = max(READY_WITHIN_S, RESTART_SHARE * self.found.workload.within_s)
        worker.start()
        try:
            await until(worker.ready, within_s, "the worker is ready")
            yield worker, time.perf_counter() - began
            await worker.stop()
        finally:
            self.found.ends += tuple(worker.ends)
            worker.discard()

    async def _load(self, worker: Supervised, clients: Clients) -> None:
        """The catalog until searchable, then the events; each gets what is left of the workload's time."""
        found, topics = self.found, Topics(self.settings.topic_prefix)
        deadline = time.perf_counter() + found.workload.within_s
        await run_load(clients.worker, bodies_of(self.dataset), arrival_times(20, 1.0))  # loads what is loaded late
        found.empty_b = worker.anonymous_bytes()
        self.show(f"{found.items:,} items")
        found.catalog = await ingest(self.dataset.only_catalog(), worker, _left(deadline), self.show)
        found.catalog_b = worker.anonymous_bytes()
        found.catalog_read = await read_through(self.settings.bootstrap_servers, [topics.item_catalog], parse=True)
        _require(found.catalog, "the catalog")
        found.rows_read = await self._read_changelogs()
        before = self._log_bytes(*_changelogs(topics))
        self.show(f"{found.ratings:,} events")
        found.events = await ingest(self.dataset.only_ratings(), worker, _left(deadline), self.show)
        found.events_b = worker.anonymous_bytes()
        found.changelog_b = self._log_bytes(*_changelogs(topics)) - before
        found.events_log_b = self._log_bytes(topics.user_interactions)
        found.events_read = await read_through(self.settings.bootstrap_servers, [topics.user_interactions], parse=True)
        found.changelog_read = await self._read_changelogs()
        _require(found.events, "the events")

    async def _read_changelogs(self) -> ReadSpeed:
        changelogs = _changelogs(Topics(self.settings.topic_prefix))
        async with asyncio.timeout(READ_WITHIN_S):
            return await read_through(self.settings.bootstrap_servers, changelogs)

    async def _requests(self, worker: Supervised, clients: Clients) -> None:
        """Alone, one by one, at rising rates, and last beside an ingest, which changes what is there."""
        found, effort, bodies = self.found, self.effort, bodies_of(self.dataset)
        await until_settled(worker, self.show)
        self.show("requests, idle")
        found.idle = await rounds_in_turn(clients, bodies, effort.rounds, effort.round_s)
        found.cost = await cost_of_answers(worker, clients.worker, bodies, effort.asked)
        self.show("requests at rising rates")
        found.reached = await highest_rate(clients, bodies, effort.steps, effort.step_s)
        events = max(LEAST_EVENTS, int(effort.busy_s * found.events.per_s)) if found.events else LEAST_EVENTS
        more = replace(self.dataset.only_ratings(), ratings=later(self.dataset.ratings)[:events])
        self.show("requests beside flat-out ingest")
        found.busy = await busy_round(worker, clients, bodies, more, self.show)

    def _log_bytes(self, *topics: str) -> float:
        """Bytes of these topics on the broker's disk, as they were written: record batches, compressed."""
        logs = (log for topic in topics for log in self.broker_folder.glob(f"{topic}-*/*.log"))
        return float(sum(log.stat().st_size for log in logs))


async def until_settled(worker: Supervised, show: Show) -> None:
    """Wait until the worker has nothing to do: a start is followed by an audit of the index; goes on after a while."""
    deadline = time.perf_counter() + SETTLED_WITHIN_S
    while time.perf_counter() < deadline:
        before = worker.cpu_s()
        await asyncio.sleep(1.0)
        if worker.cpu_s() - before < SETTLED_CPU:
            return
    show(f"still busy {SETTLED_WITHIN_S:.0f} s after its start")


def _changelogs(topics: Topics) -> list[str]:
    return [topics.user_state_changelog, topics.item_state_changelog, topics.item_counts_changelog]


def _left(deadline: float) -> float:
    return max(1.0, deadline - time.perf_counter())


def _require(part: Ingest, what: str) -> None:
    if part.missing:
        raise LoadError(f"{what}: {part.missing}")
