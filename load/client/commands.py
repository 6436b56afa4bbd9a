"""What the smaller commands of `load/cli.py` do (touch Kafka and files)."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from load.client.client import request_client
from load.client.echo import measure_echo
from load.client.folding import behind, until_folded
from load.client.readiness import require_worker
from load.client.reasons import titles_of
from load.client.replay import replay
from load.client.report import answer_table, latency_table, show_data
from load.client.requests import arrival_times, run_load
from load.datasets.catalog import read_items
from load.datasets.dataset import Dataset
from load.datasets.errors import DataFileError, LoadError
from load.datasets.synthetic import Shape
from load.datasets.synthetic_files import write_synthetic
from workers.admin.console import for_bars
from workers.messages.plurals import counted
from workers.settings import load_settings
from workers.stream.security import client_options
from workers.stream.topic_admin import ensure_topics
from workers.topics import Topics

ECHO = "load-echo"
# Kinds whose answers rest on what the user did.
OF_A_USER = ("for_user", "session")


async def replay_data(
    dataset: Dataset, speed: float | None, progress_file: Path | None, console: Console, *, wait: bool
) -> None:
    """Publish `dataset`; topics that are missing are created. `wait`: until the workers have folded it."""
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
    published = f"published {counted(result.published, 'record')}, {result.events_per_s:,.0f}/s"
    console.print(published, highlight=False)
    if not wait:
        return
    began = time.monotonic()
    await until_folded(settings, for_bars())
    took_s = time.monotonic() - began
    console.print(f"folded after {took_s:,.0f} s more: answers hold all of it", highlight=False)


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
    about = body.get("user_id") or body.get("text") or ", ".join(body.get("item_ids", ()))
    console.print(answer_table(f"{body['kind']} {about}", answer, titles))
    stages = ", ".join(f"{stage} {took} ms" for stage, took in answer["took_ms"].items())
    held = holds_words(body, answer["as_of"], await behind(settings))
    console.print(f"{held}Took: {stages}", highlight=False)


def holds_words(body: Mapping[str, Any], as_of: Mapping[str, int] | None, left: int) -> str:
    """What an answer holds of the user, and what it can't hold yet: `left` records are published and not folded.

    >>> holds_words({"kind": "for_user", "user_id": "7"}, None, 0)
    'Holds no event of user 7. '
    >>> holds_words({"kind": "for_user", "user_id": "7"}, {"partition": 2, "offset": 5}, 1)
    "Holds the user's events up to offset 5 of partition 2. The worker is still folding: 1 record is to come. "
    >>> holds_words({"kind": "trending"}, None, 0)
    ''
    """
    words = ""
    if as_of is not None:
        words = f"Holds the user's events up to offset {as_of['offset']} of partition {as_of['partition']}. "
    elif body["kind"] in OF_A_USER and "user_id" in body:
        words = f"Holds no event of user {body['user_id']}{' yet' if left else ''}. "
    if left:
        words += f"The worker is still folding: {counted(left, 'record is', 'records are')} to come. "
    return words


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
    ratings = counted(shape.ratings, "rating")
    console.print(f"{ratings} of {counted(shape.users, 'user')} on {counted(shape.items, 'item')} in {folder}")
