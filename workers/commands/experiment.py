"""`tastestream experiment`: start, look at, end and judge experiments."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from workers.commands.console import answers
from workers.errors import ConfigurationError
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Experiments: put, show, end, report.")


@app.callback()
def about() -> None:
    """Experiments: put, show, end, report."""


@app.command()
def put(file: Annotated[Path, typer.Argument(help="definition as JSON")]) -> None:
    """Start an experiment, or change one of the same name; workers go by it within a second."""
    from workers.experiments.desk import put as publish

    experiment = asyncio.run(publish(load_settings(), _content(file)))
    labels = ", ".join(experiment.label(variant) for variant in experiment.variants)
    answers().print(f"{experiment.name} runs: {labels}", highlight=False)


@app.command()
def show() -> None:
    """Print the experiments, who is in them, and what their variants change."""
    from workers.experiments.desk import overview

    table, refused = asyncio.run(overview(load_settings()))
    console = answers()
    console.print(table if table.row_count else "there are no experiments")
    for place, problem in refused.items():
        console.print(f"refused, at {place}: {problem}", markup=False, highlight=False)


@app.command()
def end(name: Annotated[str, typer.Argument(help="its name in `experiment show`")]) -> None:
    """End an experiment: its users get answers as deployed; reports know it for 30 days more."""
    from workers.experiments.desk import end as publish

    asyncio.run(publish(load_settings(), name))
    answers().print(f"{name} is ended", markup=False, highlight=False)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror}") from None
