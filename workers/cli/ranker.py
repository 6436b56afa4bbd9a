"""`tastestream ranker`: the learned weights in words."""

import asyncio

import typer
from rich.console import Console

from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The ranker that learns from what users choose.")


@app.callback()
def about() -> None:
    """The ranker that learns from what users choose."""


@app.command()
def show() -> None:
    """Print the weights that the workers have learned, as a table, and what they mean."""
    from workers.admin.ranker import read_report
    from workers.admin.refused import print_refused

    console = Console(highlight=False)
    report, refused = asyncio.run(read_report(load_settings()))
    console.print(report)
    print_refused(console, refused)
