"""The product's commands: worker, topics, broker, settings, and groups of them in files of their own.

Other packages add theirs by an entry point of the group `tastestream.commands`: a function that takes the app.
"""

import os
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from workers.cli import dlq, experiment, index, precompute, ranker, rebuild, retrain, rules, schema, state, topics
from workers.cli.entry import run
from workers.runtime.folder import prepare_folder
from workers.settings import load_settings, settings_rows, settings_table

RUN, OPERATE = "Run", "Operate"
COMMANDS = "tastestream.commands"

# -h for every command: click hands these settings on to the commands below.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(topics.app, name="topics", rich_help_panel=RUN)
app.add_typer(dlq.app, name="dlq", rich_help_panel=OPERATE)
app.add_typer(schema.app, name="schema", rich_help_panel=OPERATE)
app.add_typer(state.app, name="state", rich_help_panel=OPERATE)
app.add_typer(rules.app, name="rules", rich_help_panel=OPERATE)
app.add_typer(experiment.app, name="experiment", rich_help_panel=OPERATE)
app.add_typer(ranker.app, name="ranker", rich_help_panel=OPERATE)
app.add_typer(retrain.app, name="retrain", rich_help_panel=OPERATE)
app.add_typer(index.app, name="index", rich_help_panel=OPERATE)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"tastestream {version('tastestream')}")
        raise typer.Exit


@app.callback()
def about(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """tastestream: recommendations from a stream of events, fresh and exact."""


@app.command(rich_help_panel=RUN)
def worker() -> None:
    """Run one worker; it is configured by the environment (`tastestream settings`)."""
    # One event loop makes small calls to numpy: BLAS threads only make them wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    settings = load_settings()
    prepare_folder(settings.data_path)
    from workers.runtime.run import run_worker

    raise SystemExit(run_worker(settings))


@app.command(rich_help_panel=RUN)
def broker(
    port: Annotated[int, typer.Option(help="port on 127.0.0.1, 0 for a free one")] = 9092,
    data: Annotated[Path, typer.Option(help="folder of the broker's log")] = Path(".state/broker"),
) -> None:
    """Run a single-node Kafka broker for development, with nothing to install; Ctrl-C stops it."""
    from infra.broker import serve

    serve(port, data)


@app.command(rich_help_panel=RUN)
def settings() -> None:
    """Print the worker's settings, their environment variables and defaults."""
    terminal = Console()
    if not terminal.is_terminal:
        print(settings_table())
        return
    for variable, default, meaning in settings_rows():
        terminal.print(f"{variable}  {default.strip('`')}", markup=False, highlight=False, style="bold")
        terminal.print(Padding(Text(meaning), (0, 0, 0, 4)))


app.command(rich_help_panel=OPERATE)(precompute.precompute)
app.command(rich_help_panel=OPERATE)(rebuild.rebuild)


def main() -> None:
    """The console script."""
    for entry in entry_points(group=COMMANDS):
        entry.load()(app)
    run(app)
