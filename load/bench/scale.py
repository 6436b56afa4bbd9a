"""How ingest, answers, memory and restarts change with the size of the data: one table, each figure beside a baseline.

`python -m load.bench.scale` measures the default workloads in at most 10 minutes; `--only interleaved` those of one
name, `--sizes 100000/1000000/2000000` one of other sizes, `--quick` little of everything, `--json FILE` keeps all.
"""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from load.bench.scale_figures import figures_of, title_of
from load.bench.scale_run import Measured, measure
from load.bench.scale_table import Figure, missed, scale_table
from load.bench.scale_workloads import QUICK, WORKLOADS, Effort, Workload, chosen, data_of
from load.datasets.errors import LoadError

NAMES = ", ".join(one.name for one in WORKLOADS)


class Progress:
    """Prints each phase with the seconds since the run began."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.perf_counter()
        self.workload = ""

    def __call__(self, what: str) -> None:
        """Print what happens now."""
        seconds = time.perf_counter() - self._began
        self._console.print(f"{seconds:5.0f} s  {self.workload}: {what}", highlight=False, markup=False)


def run_all(
    workloads: Sequence[Workload], data: Path | None, effort: Effort, console: Console, *, judged: bool = True
) -> list[tuple[Measured, list[Figure]]]:
    """Each workload on a broker and a worker of its own, one after the other."""
    found, progress = [], Progress(console)
    for workload in workloads:
        progress.workload = workload.name
        progress("starts")
        measured = asyncio.run(measure(workload, data_of(workload, data, console), effort, progress))
        found.append((measured, figures_of(measured, judged=judged)))
    return found


def as_json(found: Sequence[tuple[Measured, Sequence[Figure]]]) -> dict[str, Any]:
    """Everything that the table shows."""
    return {
        "cores": os.cpu_count(),
        "workloads": [
            {
                "name": measured.workload.name,
                "items": measured.items,
                "users": measured.users,
                "events": measured.ratings,
                "load_average": measured.load_average,
                "failure": measured.failure,
                "figures": [figure.as_json() for figure in figures],
            }
            for measured, figures in found
        ],
    }


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"workloads whose name starts so: {NAMES}")] = None,
    sizes: Annotated[list[str] | None, typer.Option(help="interleaved events of ITEMS/USERS/EVENTS")] = None,
    quick: Annotated[bool, typer.Option(help="little of everything, to see that it works; nothing is judged")] = False,
    seconds: Annotated[float | None, typer.Option(help="give up loading a workload after so long", min=1)] = None,
    data: Annotated[Path | None, typer.Option(help="MovieLens folder of bursts; default: as `make demo`")] = None,
    json: Annotated[Path | None, typer.Option(help="file for the figures")] = None,
) -> None:
    """Measure and print the table."""
    console = Console(width=150)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        workloads = chosen(only or [], sizes or [], seconds, quick=quick)
    except LoadError as error:
        raise typer.BadParameter(str(error)) from error
    found = run_all(workloads, data, QUICK if quick else Effort(), console, judged=not quick)
    shown = [(title_of(measured), figures) for measured, figures in found]
    console.print(scale_table(f"{os.cpu_count()} cores", shown))
    for measured, _ in found:
        if measured.failure:
            console.print(f"{measured.workload.name} ended early: {measured.failure}", style="red", markup=False)
    for line in missed([(measured.workload.name, figures) for measured, figures in found]):
        console.print(f"missed: {line}", highlight=False, markup=False)
    if json is not None:
        json.write_bytes(orjson.dumps(as_json(found), option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    typer.run(main)
