"""`tastestream experiment`: start, list, end and judge experiments."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from workers.admin.console import answers, for_bars
from workers.cli.moments import moment_ms, span_ms
from workers.errors import ConfigurationError
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Experiments: put, show, end, report.")


@app.callback()
def about() -> None:
    """Experiments: put, show, end, report."""


@app.command()
def put(file: Annotated[Path, typer.Argument(help="definition as JSON")]) -> None:
    """Start an experiment, or change one of the same name; workers go by it within a second."""
    from workers.admin.experiments.service import put as publish

    experiment = asyncio.run(publish(load_settings(), _content(file)))
    labels = ", ".join(experiment.label(variant) for variant in experiment.variants)
    answers().print(f"{experiment.name} runs: {labels}", highlight=False)


@app.command()
def show() -> None:
    """Print the experiments, who is in them, and what their variants change."""
    from workers.admin.experiments.service import overview
    from workers.admin.refused import print_refused

    table, refused = asyncio.run(overview(load_settings()))
    console = answers()
    console.print(table if table.row_count else "there are no experiments")
    print_refused(console, refused)


@app.command()
def end(name: Annotated[str, typer.Argument(help="its name in `experiment show`")]) -> None:
    """End an experiment: its users get answers as deployed; reports know it for 30 days more."""
    from workers.admin.experiments.service import end as publish

    asyncio.run(publish(load_settings(), name))
    answers().print(f"{name} is ended", markup=False, highlight=False)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror}") from None


@app.command()
def report(
    experiment: Annotated[str | None, typer.Option(help="its name; without: all")] = None,
    since: Annotated[
        int | None, typer.Option(parser=moment_ms, metavar="TIME", help="published since: 2h, 7d, or ISO 8601")
    ] = None,
    window: Annotated[
        int, typer.Option(parser=span_ms, metavar="SPAN", help="event time from an answer to what counts as its effect")
    ] = "24h",  # type: ignore[assignment]
    click: Annotated[list[str] | None, typer.Option(help="event type that counts as a click; may be repeated")] = None,
    purchase: Annotated[list[str] | None, typer.Option(help="the same for purchases")] = None,
    most: Annotated[
        int, typer.Option(min=1_000, help="items shown that are held at once, 250 bytes each; beyond: fewer users")
    ] = 2_000_000,
    json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Print what came of experiments: clicks, purchases and value by variant, lifts with 95 % intervals, warnings."""
    from workers.admin.experiments.outcomes import CLICK, PURCHASE
    from workers.admin.experiments.report import Asked
    from workers.admin.experiments.report import report as judged
    from workers.admin.experiments.report_view import tables, to_json

    kinds = {**_kinds(purchase or ["purchase"], PURCHASE), **_kinds(click or ["click"], CLICK)}
    asked = Asked(kinds, experiment, since, window, most)
    found = asyncio.run(judged(load_settings(), asked, for_bars()))
    if json:
        print(to_json(found).decode())
    else:
        answers().print(tables(found), highlight=False)


def _kinds(names: list[str], kind: int) -> dict[str, int]:
    from workers.metrics import EVENT_TYPES

    for name in names:
        if name not in EVENT_TYPES:
            raise typer.BadParameter(f"{name!r} is no event type, use one of {', '.join(sorted(EVENT_TYPES))}")
    return dict.fromkeys(names, kind)
