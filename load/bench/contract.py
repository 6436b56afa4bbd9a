"""The contract under load: every kind of request, every shape of record, and hostile records in between.

`python -m load.bench.contract` prints figures beside floors of the same run; `--quick` does little of each,
`--json FILE` writes the figures.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import orjson
import typer
from rich.console import Console

from infra.broker import Broker
from infra.ports import choose_ports
from load.bench.contract_speed import kinds_beside_ingest
from load.bench.hostile_run import HostileRun, Shares, hostile_run
from load.bench.path_speed import whole_path
from load.bench.records import FOREIGN_BUDGET_US, OWN_BUDGET_US, medians_us
from load.bench.speed_table import Figure, speed_table
from load.client.worker_process import WorkerProcess
from load.datasets.dataset import Dataset, find_data
from workers.admin.bars import rate_bar
from workers.runtime.run import prepare_topics
from workers.settings import load_settings

MB = 1e6
GROWTH_MB = 50.0
SEED = 20_261_121


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: ratings (None: all), seconds a turn of requests, hostile records, and users."""

    ratings: int | None = None
    turn_s: float = 10.0
    hostile: int = 200_000
    users: int = 400


QUICK = Scale(ratings=2_000, turn_s=0.5, hostile=400, users=10)


async def measure(dataset: Dataset, scale: Scale, console: Console) -> list[Figure]:
    """All figures, on a broker of their own and a worker for each part."""
    dataset = replace(dataset, profiles=[], ratings=dataset.ratings[: scale.ratings])
    with console.status("decoding"):
        figures = decoding_figures()
    with Broker() as broker, TemporaryDirectory(prefix="tastestream-bench-") as folder:
        with console.status("every kind of request beside events"):
            async with _worker(broker.bootstrap, "kinds-", Path(folder)) as worker:
                await whole_path(dataset, worker)
                figures += await kind_figures(worker, dataset, scale.turn_s)
        async with _worker(broker.bootstrap, "hostile-", Path(folder)) as worker:
            shares = Shares.of(scale.hostile, scale.users)
            with rate_bar(console) as bar:
                task = bar.add_task("hostile records among good ones", total=2 * shares.total - shares.evidence)
                run = await hostile_run(worker, shares, SEED, lambda sent: bar.advance(task, sent))
    return figures + hostile_figures(run)


def decoding_figures() -> list[Figure]:
    """Median cost of decoding and validating a record of each family of shapes, µs."""
    own, foreign = medians_us()
    return [
        Figure("decoding, own shapes", median(own), "µs", at_most=OWN_BUDGET_US),
        Figure("decoding, foreign shapes", median(foreign), "µs", at_most=FOREIGN_BUDGET_US),
        Figure("decoding, slowest foreign shape", max(foreign), "µs", at_most=FOREIGN_BUDGET_US),
    ]


async def kind_figures(worker: WorkerProcess, dataset: Dataset, turn_s: float) -> list[Figure]:
    """p50 and p99 of each kind at 50/s beside 500 events/s."""
    echo, kinds = await kinds_beside_ingest(worker, dataset, turn_s, SEED)
    figures = []
    for name, ours in kinds.items():
        figures.append(Figure(f"{name}, p50", ours.p50, "ms", echo.p50, "echo"))
        figures.append(Figure(f"{name}, p99", ours.p99, "ms", echo.p99, "echo", at_most_floors=4))
    failed = sum(ours.failed for ours in kinds.values())
    return [*figures, Figure("requests without an answer", failed, "", at_most=0)]


def hostile_figures(run: HostileRun) -> list[Figure]:
    """What must be so after any input."""
    to_refuse = run.hostile - run.requests // 2 - run.to_skip
    return [
        Figure("hostile records", run.hostile, ""),
        Figure("good events without effect", run.good_events - run.applied, "", at_most=0),
        Figure("good items that are not known", run.good_items - run.items_known, "", at_most=0),
        Figure(
            "hostile records neither refused nor ignored", abs(to_refuse - run.refused - run.ignored), "", at_most=0
        ),
        Figure("hostile records of followed topics that are not counted", run.to_skip - run.skipped, "", at_most=0),
        Figure("good rules, experiments and versions not in force", 3 - run.guided, "", at_most=0),
        Figure("requests without a reply, hostile ones too", run.requests - run.replies, "", at_most=0),
        Figure("memory growth at the end, mapped files apart", run.grown_bytes / MB, "MB", at_most=GROWTH_MB),
        Figure("memory growth at most, mapped files apart", run.peak_bytes / MB, "MB", at_most=GROWTH_MB),
    ]


@asynccontextmanager
async def _worker(bootstrap: str, prefix: str, folder: Path) -> AsyncIterator[WorkerProcess]:
    settings = load_settings(
        bootstrap_servers=bootstrap,
        topic_prefix=prefix,
        app_id=f"{prefix}tastestream",
        data_path=folder / prefix,
        web_port=choose_ports(0)[0],
    )
    await prepare_topics(settings)
    with WorkerProcess(settings, folder / f"{prefix}worker.log") as worker:
        yield worker


def main(
    data: Annotated[Path | None, typer.Option(help="MovieLens folder; default: as `make demo`")] = None,
    quick: Annotated[bool, typer.Option(help="little of everything, to see that it works")] = False,
    json: Annotated[Path | None, typer.Option(help="file for the figures")] = None,
) -> None:
    """Measure and print the table."""
    console = Console(width=120)
    dataset = find_data(data, console=console)
    figures = asyncio.run(measure(dataset, QUICK if quick else Scale(), console))
    load = "/".join(f"{average:.1f}" for average in os.getloadavg())
    console.print(speed_table(f"{dataset.name} ({dataset.origin}), load average {load}", figures))
    if json is not None:
        json.write_bytes(orjson.dumps([figure.as_json() for figure in figures], option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    typer.run(main)
