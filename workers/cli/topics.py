"""`tastestream topics`: the worker's own topics, and topics of yours, for replies for example (Kafka)."""

import asyncio
from typing import Annotated

import typer

from workers.admin.console import answers, remarks
from workers.cli.moments import span_ms
from workers.errors import ConfigurationError
from workers.messages.plurals import counted
from workers.settings import Settings, load_settings
from workers.topics import DAY_MS, HOUR_MS, Topics, TopicSpec, TopicView, is_legal_name

app = typer.Typer(help="Topics: without a subcommand, create the worker's that are missing and check the others.")


@app.callback(invoke_without_command=True)
def topics(context: typer.Context) -> None:
    """Without a subcommand: create the worker's topics that are missing, and check those that exist."""
    if context.invoked_subcommand is not None:
        return
    from workers.runtime.run import prepare_topics

    asyncio.run(prepare_topics(load_settings()))
    remarks().print("all topics OK")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="whole name, prefix included")],
    partitions: Annotated[int | None, typer.Option(help="how many; 1 unless given", min=1, max=10_000)] = None,
    compacted: Annotated[bool, typer.Option("--compacted", help="keep the newest record of each key")] = False,
    keep: Annotated[str | None, typer.Option(metavar="SPAN", help="how long records stay: 1h, 7d")] = None,
) -> None:
    """Create a topic of your own, as one for replies; one that exists like that is left alone."""
    settings = load_settings()
    if not is_legal_name(name):
        raise ConfigurationError(f"{name!r} can't be a topic's name: letters, digits, '.', '_' and '-', at most 249")
    if name in {spec.name for spec in _own(settings)}:
        raise ConfigurationError(f"{name} is the worker's own: `tastestream topics` creates it as it must be")
    config = {} if keep is None else {"retention.ms": str(span_ms(keep))}
    spec = TopicSpec(name, partitions or 1, "compact" if compacted else "delete", config, fixed=partitions is not None)
    asyncio.run(_create(settings, spec))


@app.command("list")
def list_topics() -> None:
    """Show the worker's topics: what exists, what is missing, what is not as it must be."""
    from rich.table import Table

    table = Table("topic", "partitions", "kept", "state", box=None, pad_edge=False)
    for view in _inspected(load_settings()):
        state = "missing" if view.missing else "; ".join(view.problems) or "ok"
        table.add_row(view.spec.name, str(view.partitions or view.spec.partitions), _kept(view.spec), state)
    answers().print(table, highlight=False)


@app.command()
def check() -> None:
    """Say which of the worker's topics are missing or not as they must be; exit code 1 if any. Changes nothing."""
    views = _inspected(load_settings())
    missing = [view.spec.name for view in views if view.missing]
    lines = [f"{name} is missing: `tastestream topics` creates it" for name in missing]
    lines += [problem for view in views for problem in view.problems]
    for line in lines:
        answers().print(line, highlight=False, soft_wrap=True)
    if lines:
        raise typer.Exit(1)
    answers().print(f"all {counted(len(views), 'topic')} OK", highlight=False)


async def _create(settings: Settings, spec: TopicSpec) -> None:
    """Create the topic, or say that it is there; raises ConfigurationError for one that exists otherwise."""
    from workers.stream.security import client_options
    from workers.stream.topic_admin import ensure_topics, inspect_topics

    options = client_options(settings)
    [found] = await inspect_topics(options, [spec])
    if found.missing:
        await ensure_topics(options, [spec], settings.replication_factor)
        said = f"created topic {spec.name}: {counted(spec.partitions, 'partition')}"
    elif found.problems:
        had = f"{counted(found.partitions, 'partition')} and clean-up policy {found.cleanup}"
        raise ConfigurationError(f"topic {spec.name} exists already, with {had}: use it so, or choose another name")
    else:
        said = f"topic {spec.name} exists already: {counted(found.partitions, 'partition')}"
    answers().print(said, highlight=False, soft_wrap=True)


def _inspected(settings: Settings) -> list[TopicView]:
    from workers.stream.security import client_options
    from workers.stream.topic_admin import inspect_topics

    return asyncio.run(inspect_topics(client_options(settings), _own(settings)))


def _own(settings: Settings) -> tuple[TopicSpec, ...]:
    return Topics(settings.topic_prefix).specs(settings.user_partitions, settings.item_partitions)


def _kept(spec: TopicSpec) -> str:
    """How long records stay, in words."""
    if spec.cleanup == "compact":
        return "newest of each key"
    kept_ms = int(spec.config.get("retention.ms", "-1"))
    if kept_ms < 0:
        return "for ever"
    return counted(kept_ms // HOUR_MS, "hour") if kept_ms < DAY_MS else counted(kept_ms // DAY_MS, "day")
