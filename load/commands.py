"""What the smaller commands of `load/cli.py` do (touch Kafka and files)."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from load.catalogue import read_items
from load.client import request_client
from load.dataset import Dataset
from load.echo import measure_echo
from load.errors import DataFileError, LoadError
from load.readiness import require_worker
from load.reasons import titles_of
from load.replay import replay
from load.report import answer_table, latency_table, show_data
from load.requests import arrival_times, run_load
from load.synthetic import Shape
from load.synthetic_files import write_synthetic
from workers.security import client_options
from workers.settings import load_settings
from workers.topic_admin import ensure_topics
from workers.topics import Topics

ECHO = "load-echo"


async def replay_data(dataset: Dataset, speed: float | None, progress_file: Path | None, console: Console) -> None:
    """Publish `dataset`; topics that are missing are created."""
    settings = load_settings()
    topics = Topics(settings.topic_prefix)
    show_data(dataset, console)
    # Without the worker's patience: a person who waits here wants to know at once that there is no broker.
    await ensure_topics(
        client_options(settings),
        topics.specs(settings.user_partitions, settings.item_partitions),
        settings.replication_factor,
    )
    result = await replay(
        dataset,
        bootstrap=client_options(settings),
        catalog_topic=topics.item_catalog,
        interactions_topic=topics.user_interactions,
        speed=speed,
        progress_file=progress_file,
        console=console,
    )
    console.print(f"published {result.published:,} records, {result.events_per_s:,.0f}/s", highlight=False)


async def ask_once(body: dict[str, Any], titles_from: Path | None, console: Console) -> None:
    """Show one answer; raises LoadError for an error reply, and if none comes."""
    titles = titles_of(read_items(titles_from)) if titles_from else {}
    settings = load_settings()
    topics = Topics(settings.topic_prefix)
    await require_worker(settings)
    async with request_client(
        client_options(settings), topics.recommendation_requests, topics.recommendation_replies
    ) as client:
        answer = await client.ask(body)
    if "error" in answer:
        raise LoadError(f"{answer['error']['code']}: {answer['error']['message']}")
    console.print(answer_table(f"{body['kind']} {body.get('user_id') or body.get('item_ids') or ''}", answer, titles))
    stages = ", ".join(f"{stage} {took} ms" for stage, took in answer["took_ms"].items())
    console.print(f"{_holds(answer['as_of'])}. Took: {stages}", highlight=False, soft_wrap=True)


def _holds(as_of: dict[str, int] | None) -> str:
    if as_of is None:
        return "Holds no events of a user"
    return f"Holds the user's events up to offset {as_of['offset']} of partition {as_of['partition']}"


async def load_requests(rate: float, seconds: float, users: int, limit: int, with_echo: bool, console: Console) -> None:
    """Show the latencies of an open-loop load, beside an echo's if asked for."""
    settings = load_settings()
    bootstrap, topics = client_options(settings), Topics(settings.topic_prefix)
    drawn = np.random.default_rng(0).integers(1, users + 1, 1_000)
    bodies = [{"kind": "for_user", "user_id": str(user), "limit": limit} for user in drawn]
    arrivals = arrival_times(rate, seconds)
    loads = {}
    await require_worker(settings)
    if with_echo:
        loads["bare echo, the floor"] = await measure_echo(bootstrap, ECHO, bodies, arrivals)
    async with request_client(bootstrap, topics.recommendation_requests, topics.recommendation_replies) as client:
        loads["recommendations"] = await run_load(client, bodies, arrivals)
    console.print(latency_table(f"{rate:g} requests a second for {seconds:g} s, Kafka to Kafka", loads))


def generate_data(folder: Path, shape: Shape, console: Console) -> None:
    """Write the files; raises DataFileError for a shape that can't be."""
    try:
        write_synthetic(folder, shape)
    except ValueError as error:
        raise DataFileError(str(error)) from error
    console.print(f"{shape.ratings:,} ratings of {shape.users:,} users on {shape.items:,} items in {folder}")
