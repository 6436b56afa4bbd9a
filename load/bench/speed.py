"""How fast ingest and answers are, each figure beside a floor of the same run (broker and worker as processes).

`python -m load.bench.speed` prints the table; `--quick` measures little of everything, `--profile` says where
the agents' time goes, `--json FILE` writes the figures.
"""

import asyncio
import cProfile
import os
import pstats
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import orjson
import typer
from rich.console import Console

from infra.broker import Broker
from infra.ports import choose_ports
from load.bench.agent_speed import (
    AgentSpeed,
    cost_of_exactness,
    fold_catalog,
    fold_interactions,
    fold_transitions,
    read_and_parse,
    read_only,
    running_deps,
)
from load.bench.path_speed import Latencies, as_other_users, busy_round, idle_rounds, memory_bytes, whole_path
from load.bench.recovery_speed import measure_recovery
from load.bench.speed_table import Figure, speed_table
from load.client.replay import replay
from load.client.worker_process import WorkerProcess
from load.datasets.dataset import Dataset, find_data
from workers.runtime.dependencies import Dependencies
from workers.runtime.run import prepare_topics
from workers.settings import Settings, load_settings
from workers.topics import Topics

MB = 1e6
PROFILED_LINES = 30


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: ratings (None: all), rounds of requests and their seconds."""

    ratings: int | None = None
    rounds: int = 3
    round_s: float = 8.0


QUICK = Scale(ratings=2_000, rounds=1, round_s=1.0)


async def measure(dataset: Dataset, scale: Scale, console: Console, *, profiled: bool = False) -> list[Figure]:
    """All figures, on a broker of their own; agents first, each alone, then a whole worker."""
    dataset = replace(dataset, profiles=[], ratings=dataset.ratings[: scale.ratings])
    with Broker() as broker, TemporaryDirectory(prefix="tastestream-bench-") as folder:
        agents = load_settings(
            bootstrap_servers=broker.bootstrap,
            security_protocol="PLAINTEXT",
            topic_prefix="agents-",
            data_path=Path(folder) / "agents",
        )
        worker = load_settings(
            bootstrap_servers=broker.bootstrap,
            security_protocol="PLAINTEXT",
            data_path=Path(folder) / "worker",
            web_port=choose_ports(0)[0],
        )
        for settings in (agents, worker):
            await prepare_topics(settings)
        with console.status("agents, one by one"):
            figures = await measure_agents(dataset, agents, console if profiled else None)
        with console.status("a whole worker"):
            figures += await measure_worker(dataset, worker, scale, Path(folder) / "worker.log")
    return figures


async def measure_agents(dataset: Dataset, settings: Settings, profile_to: Console | None) -> list[Figure]:
    """Events per CPU-second of each agent, in this process."""
    topics = Topics(settings.topic_prefix)
    await replay(
        dataset,
        bootstrap=settings.bootstrap_servers,
        catalog_topic=topics.item_catalog,
        interactions_topic=topics.user_interactions,
    )
    parsing = await read_and_parse(settings, topics.user_interactions)
    async with running_deps(settings) as deps:
        items = await _profiled(fold_catalog, deps, profile_to)
        events = await _profiled(fold_interactions, deps, profile_to)
        evidence = await _profiled(fold_transitions, deps, profile_to)
    reading = await read_only(settings, topics.item_transitions)
    exactness = await cost_of_exactness(settings)
    unit = "/CPU-s"
    return [
        Figure("interactions agent", events.per_cpu_s, unit, parsing.per_cpu_s, "read, JSON", at_least=20_000),
        Figure("  ÷ without changelog and commits", exactness, "×", at_least=0.6),
        Figure("transitions agent and index", evidence.per_cpu_s, unit, reading.per_cpu_s, "read"),
        Figure("catalog agent and index", items.per_cpu_s, unit),
    ]


async def measure_worker(dataset: Dataset, settings: Settings, scale: Scale, log_file: Path) -> list[Figure]:
    """What a worker process does with the catalog, then all ratings, then requests, then both at once."""
    users = [str(user) for user in dict.fromkeys(dataset.ratings.user.tolist())]
    with WorkerProcess(settings, log_file) as worker:
        await whole_path(dataset.only_catalog(), worker)
        path = await whole_path(dataset.only_ratings(), worker)
        memory = memory_bytes(worker)
        idle = await idle_rounds(worker, users, scale.rounds, scale.round_s)
        more = replace(dataset.only_ratings(), ratings=as_other_users(dataset.ratings))
        busy = await busy_round(worker, users, more)
    began = time.perf_counter()
    with WorkerProcess(settings, log_file):
        restart_s = time.perf_counter() - began
    recovery = await measure_recovery(settings)
    return [
        Figure("whole path: published → in answers", path.per_s, "events/s", at_least=3_000),
        Figure("  worker alone", path.events / path.cpu_s, "events/CPU-s"),
        *_latency_figures(idle, busy),
        Figure("requests without an answer", idle["worker"].failed + busy.failed, "", at_most=0),
        Figure("worker memory, all ratings loaded", memory / MB, "MB", at_most=400),
        Figure(
            "recovery right after the ingest",
            recovery.rows / recovery.seconds,
            "rows/s",
            recovery.rows / recovery.reading_s,
            "read",
        ),
        Figure("recovery, each row once", recovery.compacted_rows / recovery.compacted_s, "rows/s", at_least=30_000),
        Figure("restart until ready", restart_s, "s"),
    ]


def _latency_figures(idle: dict[str, Latencies], busy: Latencies) -> list[Figure]:
    ours, echo = idle["worker"], idle["echo"]
    name = "request → reply, idle,"
    return [
        Figure(f"{name} p50", ours.p50, "ms", echo.p50, "echo", at_most_floors=3),
        Figure(f"{name} p95", ours.p95, "ms", echo.p95, "echo"),
        Figure(f"{name} p99", ours.p99, "ms", echo.p99, "echo", at_most_floors=3),
        Figure("request → reply, flat-out ingest, p50", busy.p50, "ms"),
        Figure("request → reply, flat-out ingest, p99", busy.p99, "ms"),
    ]


async def _profiled(
    fold: Callable[[Dependencies], Awaitable[AgentSpeed]], deps: Dependencies, profile_to: Console | None
) -> AgentSpeed:
    """Run `fold`; with a console, under a profiler (at half the speed) that prints where the time went."""
    if profile_to is None:
        return await fold(deps)
    profiler = cProfile.Profile()
    profiler.enable()
    speed = await fold(deps)
    profiler.disable()
    profile_to.rule(fold.__name__)
    pstats.Stats(profiler, stream=profile_to.file).sort_stats("tottime").print_stats(PROFILED_LINES)
    return speed


def main(
    data: Annotated[Path | None, typer.Option(help="MovieLens folder; default: as `make demo`")] = None,
    quick: Annotated[bool, typer.Option(help="little of everything, to see that it works")] = False,
    profile: Annotated[bool, typer.Option(help="print where the agents' time goes; slows them by half")] = False,
    json: Annotated[Path | None, typer.Option(help="file for the figures")] = None,
) -> None:
    """Measure and print the table."""
    console = Console(width=120)
    dataset = find_data(data, console=console)
    figures = asyncio.run(measure(dataset, QUICK if quick else Scale(), console, profiled=profile))
    load = "/".join(f"{average:.1f}" for average in os.getloadavg())
    console.print(speed_table(f"{dataset.name} ({dataset.origin}), load average {load}", figures))
    if json is not None:
        json.write_bytes(orjson.dumps([figure.as_json() for figure in figures], option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    typer.run(main)
