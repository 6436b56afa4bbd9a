"""`tastestream schema`: what the records of an existing topic mean."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from workers.admin.console import answers, for_bars
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="What the records of an existing topic mean.")


@app.callback()
def about() -> None:
    """What the records of an existing topic mean."""


@app.command()
def detect(
    topic: Annotated[str, typer.Option(help="an existing topic, its whole name")],
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="how many of the newest records are read")] = 1000,
    write: Annotated[Path | None, typer.Option(help="mapping file to write; its other section stays")] = None,
    kind: Annotated[
        Literal["interaction", "item"] | None, typer.Option(help="what the records are; without it: what fits better")
    ] = None,
    deadline_s: Annotated[float, typer.Option(min=1, max=3600, help="seconds after which reading ends")] = 30.0,
) -> None:
    """Find our fields in a topic's records, print them with their coverage, and write a mapping file.

    Ends with 1, and writes nothing, if less than half of the records are understood even so.
    """
    from workers.admin.schema.report import shortfall
    from workers.admin.schema.run import detect_schema, is_usable, write_mapping
    from workers.runtime.source_mapping import settings_mapping
    from workers.stream.security import client_options

    settings = load_settings()
    options, given = client_options(settings), settings_mapping(settings)
    found = asyncio.run(detect_schema(options, topic, kind, sample, deadline_s, answers(), for_bars(), given))
    if write is not None:
        answers().print(write_mapping(write, found), markup=False, highlight=False, soft_wrap=True)
    if not is_usable(found):
        answers().print(shortfall(found), soft_wrap=True)
        raise typer.Exit(1)
