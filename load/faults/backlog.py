"""A backlog worked off to its end: does the worker live through it, and how long does it take? (starts broker, worker)

`python -m load.faults.backlog` publishes 100,000 items and 400,000 ratings of 100,000 interleaved users flat out;
`--movielens --stopped-ms 150` replays ml-latest-small to a worker that runs 50 ms of every 200: a quarter of a core.
Exits with 1 if the worker ended once, or if something is left.
"""

import asyncio
import logging
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from infra.broker import Broker
from infra.ports import choose_ports
from load.datasets.dataset import find_data
from load.datasets.interleaved import interleaved_dataset
from load.faults.backlog_run import BacklogRun, Snapshot, work_off
from load.faults.duty_cycle import Share
from workers.settings import load_settings

SHOW_EVERY_S = 10.0


class Progress:
    """Prints how far the run is, every `SHOW_EVERY_S` seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0

    def __call__(self, snapshot: Snapshot) -> None:
        """Take a snapshot, and print it when it is due."""
        if snapshot.at_s < self._next_s:
            return
        self._next_s = snapshot.at_s + SHOW_EVERY_S
        left = ", ".join(f"{topic} {records:,}" for topic, records in sorted(snapshot.left.items()))
        self._console.print(
            f"{snapshot.at_s:5.0f} s  left: {left}  memory {snapshot.memory_mb:,.0f} MB  restarts {snapshot.ends}",
            highlight=False,
        )


def backlog_table(title: str, run: BacklogRun) -> Table:
    """One row for each thing that was measured."""
    table = Table("figure", "value", title=title)
    table.columns[1].justify = "right"
    rows = {
        "items": f"{run.items:,}",
        "users": f"{run.users:,}",
        "events": f"{run.events:,}",
        "all published after": f"{run.published_s:,.1f} s",
        "all items searchable after": f"{run.searchable_s:,.1f} s",
        "all events folded into users after": f"{run.folded_s:,.1f} s",
        "all evidence in answers after": f"{run.shown_s:,.1f} s",
        "events/s, whole path": f"{run.events / run.shown_s:,.0f}",
        "records left": f"{run.left:,}",
        "restarts of the worker": f"{len(run.ends)} {run.ends or ''}",
        "memory of its own, at most": f"{run.peak_mb:,.0f} MB",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def main(
    items: Annotated[int, typer.Option(help="items, all described", min=1)] = 100_000,
    users: Annotated[int, typer.Option(help="users, each event another one", min=1)] = 100_000,
    events: Annotated[int, typer.Option(help="ratings", min=0)] = 400_000,
    movielens: Annotated[bool, typer.Option(help="replay the demo's data instead")] = False,
    data: Annotated[Path | None, typer.Option(help="MovieLens folder to replay; default: as `make demo`")] = None,
    running_ms: Annotated[float, typer.Option(help="the worker runs so long …", min=1)] = 50.0,
    stopped_ms: Annotated[float, typer.Option(help="… and is then stopped so long; 0: never", min=0)] = 0.0,
    minutes: Annotated[float, typer.Option(help="give up after so long", min=0.1)] = 30.0,
    log: Annotated[Path | None, typer.Option(help="file for the worker's log")] = None,
    json: Annotated[Path | None, typer.Option(help="file for the figures")] = None,
) -> None:
    """Run and print the table."""
    console = Console(width=120)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    dataset = find_data(data, console=console) if movielens or data else interleaved_dataset(items, users, events)
    share = Share(running_ms / 1000, stopped_ms / 1000) if stopped_ms else None
    with TemporaryDirectory(prefix="tastestream-backlog-") as name, Broker() as broker:
        folder = Path(name)
        settings = load_settings(
            bootstrap_servers=broker.bootstrap,
            security_protocol="PLAINTEXT",
            data_path=folder / "worker",
            web_port=choose_ports(0)[0],
        )
        progress, log_file = Progress(console), log or folder / "worker.log"
        run = asyncio.run(work_off(dataset, settings, log_file, within_s=minutes * 60, share=share, show=progress))
    ran = "" if share is None else f", {running_ms:g} of {running_ms + stopped_ms:g} ms"
    load = "/".join(f"{average:.1f}" for average in os.getloadavg())
    console.print(backlog_table(f"{dataset.name} ({dataset.origin}){ran}, load average {load}", run))
    if json is not None:
        json.write_bytes(orjson.dumps(run.as_json(), option=orjson.OPT_INDENT_2))
    raise typer.Exit(0 if run.survived else 1)


if __name__ == "__main__":
    typer.run(main)
