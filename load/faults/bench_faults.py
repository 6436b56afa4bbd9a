"""Fault runs: what each fault costs in events, answers and seconds (starts a broker and workers of its own).

python -m load.faults.bench_faults
"""

import asyncio
import logging
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import mkdtemp
from typing import Annotated

import orjson
import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from infra.broker import Broker
from infra.errors import InfraError
from load.datasets.errors import LoadError
from load.faults.fault import Fault
from load.faults.faults import FAULTS
from load.faults.run import Outcome, run_fault
from load.faults.scene import Scale
from load.faults.table import summary_of, table_of
from workers.errors import TasteStreamError

# What keeps one fault from being judged must not keep the others from it.
FAILURES = (LoadError, TasteStreamError, InfraError, KafkaError, OSError, CalledProcessError)
FULL = Scale(rate=1_000, questions=20, kills=100, kills_alone=10, away_s=60, pause_s=120, events=1_000_000)
QUICK = Scale(rate=500, questions=20, kills=3, kills_alone=2, away_s=8, pause_s=15, events=30_000, users_at_peak=400)


async def measure(
    faults: list[Fault], scale: Scale, console: Console, logs: Path | None = None
) -> tuple[list[Outcome], list[str]]:
    """All faults one after the other on one broker; those that could not be judged by name."""

    def say(line: str) -> None:
        console.print(f"    {line}", style="dim", highlight=False)

    outcomes: list[Outcome] = []
    failed: list[str] = []
    folder = logs or Path(mkdtemp(prefix="tastestream-faults-"))
    with Broker(folder / "broker") as broker:
        for number, fault in enumerate(faults, start=1):
            console.print(f"[{number}/{len(faults)}] {fault.name}", markup=False)
            try:
                outcomes.append(await run_fault(fault, broker, folder / f"f{number}", scale, say))
            except FAILURES as error:
                failed.append(fault.name)
                console.print(f"    {error!r}", style="red", markup=False)
            if broker.pid is None:
                broker.start()
    if logs is not None or failed or not all(one.clean for one in outcomes):
        console.print(f"the logs stay in {folder}", highlight=False)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return outcomes, failed


def main(
    only: Annotated[str, typer.Option(help="run the faults whose name contains this")] = "",
    quick: Annotated[bool, typer.Option(help="few events, few kills, short outages")] = False,
    kills: Annotated[int | None, typer.Option(help="kills of a worker at peak")] = None,
    events: Annotated[int | None, typer.Option(help="least number of events of the run at peak")] = None,
    rate: Annotated[float | None, typer.Option(help="events a second")] = None,
    logs: Annotated[Path | None, typer.Option(help="folder for what broker and workers log; kept")] = None,
    json: Annotated[Path | None, typer.Option(help="file for the outcomes")] = None,
) -> None:
    """Run the faults and print the table; the exit code is 1 unless all is exact."""
    console = Console(width=220)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is part of the plan
    scale = QUICK if quick else FULL
    scale = replace(scale, kills=kills or scale.kills, events=events or scale.events, rate=rate or scale.rate)
    asked = [one for one in FAULTS if only in one.name]
    not_run = {one.name: needs for one in asked if (needs := one.needs())}
    runs = [one for one in asked if one.name not in not_run]
    outcomes, failed = asyncio.run(measure(runs, scale, console, logs))
    console.print(table_of(outcomes, not_run))
    console.print(summary_of(outcomes, failed))
    if json is not None:
        json.write_bytes(orjson.dumps([asdict(one) for one in outcomes], option=orjson.OPT_INDENT_2))
    raise typer.Exit(0 if not failed and all(one.clean for one in outcomes) else 1)


if __name__ == "__main__":
    typer.run(main)
