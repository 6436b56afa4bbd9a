"""`tastestream index`: move the index of items between this machine and a Qdrant server, or drop one there."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from workers.messages.plurals import counted
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The index of items: move it, drop it.")
console = Console(stderr=True)


@app.callback()
def about() -> None:
    """The index of items."""


@app.command()
def move(
    source: Annotated[str, typer.Option("--from", help="edge:FOLDER or server:URL/COLLECTION")],
    target: Annotated[str, typer.Option("--to", help="edge:FOLDER or server:URL/COLLECTION")],
    overwrite: Annotated[bool, typer.Option(help="replace what the target holds")] = False,
) -> None:
    """Copy an index from this machine to a Qdrant server or back; no worker may write to either meanwhile."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from workers.index.moving import move_index
    from workers.items.points import ItemPoints

    settings = load_settings()
    schema = ItemPoints(settings.vector_dim, settings.collaborative_dim).schema
    with Progress("items", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("items", total=None)
        moved = asyncio.run(
            move_index(
                source,
                target,
                schema,
                settings,
                overwrite=overwrite,
                begin=lambda total: bar.update(task, total=total),
                progress=lambda copied: bar.update(task, completed=copied),
            )
        )
    others = f"{moved.removed:,} others removed, {moved.compared:,} compared"
    console.print(f"{counted(moved.copied, 'item')} copied, {others}: all alike")


@app.command()
def drop(
    yes: Annotated[bool, typer.Option("--yes", help="ask nothing")] = False,
) -> None:
    """Delete the collection of the settings from the Qdrant server; workers fill a new one from their rows."""
    from workers.index.on_server import drop_collection

    settings = load_settings()
    if not yes:
        typer.confirm(f"Delete the collection {settings.qdrant_collection!r}?", abort=True, err=True)
    dropped = asyncio.run(drop_collection(settings))
    console.print(f"collection {settings.qdrant_collection!r} " + ("is deleted" if dropped else "was not there"))
