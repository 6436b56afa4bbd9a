"""The product's commands: worker, topics, broker, settings, and groups of them in `workers/commands/`."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from workers.commands import dlq, experiment, index, precompute, ranker, rebuild, retrain, rules, schema, state
from workers.settings import load_settings, settings_table

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
app.add_typer(dlq.app, name="dlq")
app.add_typer(experiment.app, name="experiment")
app.add_typer(index.app, name="index")
app.add_typer(ranker.app, name="ranker")
app.add_typer(retrain.app, name="retrain")
app.add_typer(rules.app, name="rules")
app.add_typer(schema.app, name="schema")
app.add_typer(state.app, name="state")
app.command()(precompute.precompute)
app.command()(rebuild.rebuild)
console = Console(stderr=True)


@app.callback()
def about() -> None:
    """tastestream: recommendations from a stream of events, fresh and exact."""


@app.command()
def worker() -> None:
    """Run one worker; it is configured by the environment (`tastestream settings`)."""
    # One event loop asks small questions of numpy: BLAS threads only make them wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from workers.run import run_worker

    raise SystemExit(run_worker(load_settings()))


@app.command()
def topics() -> None:
    """Create the topics that are missing, and check those that exist."""
    from workers.run import prepare_topics

    asyncio.run(prepare_topics(load_settings()))
    console.print("all topics are as they must be")


@app.command()
def broker(
    port: Annotated[int, typer.Option(help="port on 127.0.0.1, 0 for a free one")] = 9092,
    data: Annotated[Path, typer.Option(help="folder of the broker's log")] = Path(".state/broker"),
) -> None:
    """Run a single-node Kafka broker for development, with nothing to install; Ctrl-C stops it."""
    from infra.broker import serve

    serve(port, data)


@app.command()
def settings() -> None:
    """Print the worker's settings, their environment variables and defaults."""
    print(settings_table())
