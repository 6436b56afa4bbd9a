"""Commands that drive a worker with data and questions; the console command finds them by an entry point."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.admin.console import answers

DATA = "Data and questions"

commands = typer.Typer()

Data = Annotated[
    Path | None, typer.Option(help="folder of a MovieLens release; without one: a local copy, a download, synthetic")
]


@commands.command(rich_help_panel=DATA)
def demo(
    data: Data = None,
    keep: Annotated[bool, typer.Option(help="leave broker and worker running afterwards, until Ctrl-C")] = False,
) -> None:
    """Kafka, a worker and a data set as a stream: recommendations come back, and what was measured."""
    from load.datasets.dataset import find_data
    from load.demo.figures import DemoPlan
    from load.demo.run import run_demo

    console = answers()
    run_demo(find_data(data, console=console), DemoPlan(), console, keep=keep)


@commands.command(rich_help_panel=DATA)
def replay(
    data: Data = None,
    speed: Annotated[float | None, typer.Option(help="times real time; without it: flat out")] = None,
    progress_file: Annotated[Path | None, typer.Option(help="remembers how far it came, and goes on there")] = None,
    wait: Annotated[bool, typer.Option(help="until the workers have folded what was published")] = True,
) -> None:
    """Publish a data set to Kafka: catalog, profiles, then ratings in time order."""
    from load.client.commands import replay_data
    from load.datasets.dataset import find_data

    console = answers()
    asyncio.run(replay_data(find_data(data, console=console), speed, progress_file, console, wait=wait))


@commands.command(rich_help_panel=DATA)
def ask(
    user: Annotated[str | None, typer.Argument(help="user id")] = None,
    kind: Annotated[
        str, typer.Option(help="for_user, session, similar_items, bought_together, trending or search")
    ] = "for_user",
    item: Annotated[list[str] | None, typer.Option(help="id of an item asked about; may be repeated")] = None,
    text: Annotated[str | None, typer.Option(help="what to search for")] = None,
    limit: Annotated[int, typer.Option(help="items wanted, 1 to 100")] = 10,
    data: Annotated[Path | None, typer.Option(help="MovieLens folder, for the titles in the reasons")] = None,
) -> None:
    """Ask for recommendations once and show the answer with its reasons."""
    from load.client.commands import ask_once

    body: dict[str, Any] = {"kind": kind, "limit": limit, "explain": True}
    body |= {"user_id": user} if user else {}
    body |= {"item_ids": item} if item else {}
    body |= {"text": text} if text else {}
    asyncio.run(ask_once(body, data, answers()))


@commands.command(rich_help_panel=DATA)
def load(
    rate: Annotated[float, typer.Option(help="requests a second", min=0.1)] = 50.0,
    seconds: Annotated[float, typer.Option(help="how long", min=0.1)] = 10.0,
    users: Annotated[int, typer.Option(help="asks for users 1 to this, drawn at random", min=1)] = 610,
    limit: Annotated[int, typer.Option(help="items wanted, 1 to 100")] = 10,
    echo: Annotated[bool, typer.Option(help="measure a bare echo first, the floor")] = True,
) -> None:
    """Ask at a fixed rate, however late the replies are, and show the latencies."""
    from load.client.commands import load_requests

    asyncio.run(load_requests(rate, seconds, users, limit, echo, answers()))


@commands.command(rich_help_panel=DATA)
def generate(
    folder: Annotated[Path, typer.Argument(help="where the files go")],
    users: Annotated[int, typer.Option(help="how many users")] = 610,
    items: Annotated[int, typer.Option(help="how many items")] = 9_742,
    ratings: Annotated[int, typer.Option(help="how many ratings")] = 100_836,
    tags: Annotated[int, typer.Option(help="how many tags of users on items")] = 3_683,
    clusters: Annotated[int, typer.Option(help="groups of items that the same users like")] = 20,
    seed: Annotated[int, typer.Option(help="of the random numbers: the same data for the same seed")] = 20_150_101,
) -> None:
    """Write an invented data set in MovieLens' format, whose right answers are known (truth.npz)."""
    from load.client.commands import generate_data
    from load.datasets.synthetic import Shape

    shape = Shape(users=users, items=items, ratings=ratings, tags=tags, clusters=clusters, seed=seed)
    generate_data(folder, shape, answers())


@commands.command(rich_help_panel=DATA)
def download(
    release: Annotated[str, typer.Argument(help="ml-latest-small, ml-100k, ml-1m, …")] = "ml-latest-small",
) -> None:
    """Fetch a MovieLens release, checked against its published checksum."""
    from infra.kafka_dist import default_cache
    from load.datasets.download import download as fetch

    console = answers()
    console.print(str(asyncio.run(fetch(release, default_cache(), console))), soft_wrap=True)


@commands.command(rich_help_panel=DATA)
def evaluate(
    data: Data = None,
    protocol: Annotated[str, typer.Option(help="prequential, time-split or leave-last-out")] = "prequential",
    recommender: Annotated[list[str] | None, typer.Option(help="also this one, as module:Class")] = None,
    only: Annotated[list[str] | None, typer.Option(help="only these of the built-in ones")] = None,
    k: Annotated[int, typer.Option(help="length of the lists", min=1, max=100)] = 10,
    events: Annotated[int | None, typer.Option(help="only the first so many events", min=1)] = None,
    seed: Annotated[int, typer.Option(help="of the intervals")] = 7,
    json: Annotated[Path | None, typer.Option(help="file for all figures")] = None,
    plot: Annotated[Path | None, typer.Option(help="PNG file for the figures by slice; needs matplotlib")] = None,
) -> None:
    """Compare recommenders on a data set without Kafka: test, then learn, event by event."""
    from load.evaluation.run import main as compare_recommenders

    compare_recommenders(data, protocol, recommender or (), only or (), k, events, seed, json, plot)


@commands.command(rich_help_panel=DATA)
def prove(
    data: Data = None,
    kills: Annotated[int, typer.Option(help="kill -9 of a worker, while the log is folded", min=3)] = 20,
    events: Annotated[int | None, typer.Option(help="only the first so many events", min=1_000)] = None,
    logs: Annotated[Path | None, typer.Option(help="folder for what broker and workers log; kept")] = None,
) -> None:
    """Fold the data undisturbed, and with workers killed on the way; all rows must be equal, or the exit code is 1."""
    from dataclasses import replace

    from load.datasets.dataset import find_data
    from load.faults.prove import Plan, main

    console = answers()
    dataset = find_data(data, console=console)
    if events is not None:
        dataset = replace(dataset, ratings=dataset.ratings[:events])
    raise typer.Exit(0 if main(dataset, Plan(kills=kills), console, logs) else 1)


def register(app: typer.Typer) -> None:
    """Add these commands to the console command (entry-point group `tastestream.commands`)."""
    app.add_typer(commands)
