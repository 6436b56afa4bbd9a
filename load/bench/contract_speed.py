"""Answers of every kind while events come in, beside a bare echo of the same requests (touches Kafka)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from load.bench.asking import open_clients
from load.bench.path_speed import RATE, Latencies, as_other_users, latencies
from load.client.client import RequestClient
from load.client.kafka import bulk_producer
from load.client.publisher import Publisher
from load.client.replay import encode_ratings
from load.client.requests import LoadReport, arrival_times, run_load
from load.client.worker_process import WorkerProcess
from load.datasets.dataset import Dataset
from load.datasets.ratings import Ratings
from workers.topics import Topics

EVENTS_PER_S = 500
TICK_S = 0.1


def bodies_by_kind(dataset: Dataset, count: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """`count` requests of each kind, about users and items that are in the data."""
    dice = np.random.default_rng(seed)
    users = [str(user) for user in dice.choice(np.unique(dataset.ratings.user), count)]
    items = [str(item) for item in dice.choice(dataset.ratings.item, count)]
    titles = [str(item["title"]) for item in dataset.items]
    words = [" ".join(titles[position].split()[:2]) for position in dice.integers(0, len(titles), count).tolist()]
    tags = sorted({tag for item in dataset.items for tag in item["tags"]})
    filtered = {"tags_any": tags[:3], "exclude": items[:100]}
    return {
        "for_user": [{"kind": "for_user", "user_id": user} for user in users],
        "for_user, filtered": [
            {
                "kind": "for_user",
                "user_id": user,
                "filters": {"tags_any": filtered["tags_any"]},
                "exclude": filtered["exclude"],
                "explain": True,
            }
            for user in users
        ],
        "similar_items": [{"kind": "similar_items", "item_ids": [item]} for item in items],
        "bought_together": [{"kind": "bought_together", "item_ids": [item]} for item in items],
        "trending": [{"kind": "trending", "user_id": user} for user in users],
        "search": [{"kind": "search", "text": text} for text in words],
        "session": [{"kind": "session", "item_ids": items[n : n + 5] or items[:5]} for n in range(count)],
    }


async def kinds_beside_ingest(
    worker: WorkerProcess, dataset: Dataset, seconds: float, seed: int
) -> tuple[Latencies, dict[str, Latencies]]:
    """The echo's latencies, then each kind's, all beside the same flow of events.

    Turns of `seconds` on the echo and on every kind, twice, so that a disturbance of the machine hits all alike.
    """
    bodies = bodies_by_kind(dataset, int(RATE * seconds), seed)
    reports: dict[str, list[LoadReport]] = {name: [] for name in ("echo", *bodies)}
    async with open_clients(worker.settings) as clients:
        echo, ours = clients.echo, clients.worker
        flowing = asyncio.create_task(_flow(worker, as_other_users(dataset.ratings)))
        try:
            for client, some in ((echo, bodies["for_user"]), *((ours, some) for some in bodies.values())):
                await _turn(client, some, min(1.0, seconds))  # first requests open connections and fill caches
            for _ in range(2):
                reports["echo"].append(await _turn(echo, bodies["for_user"], seconds))
                for name, some in bodies.items():
                    reports[name].append(await _turn(ours, some, seconds))
        finally:
            flowing.cancel()
    echoed = latencies(reports.pop("echo"))
    return echoed, {name: latencies(found) for name, found in reports.items()}


async def _turn(client: RequestClient, bodies: Sequence[Mapping[str, Any]], seconds: float) -> LoadReport:
    return await run_load(client, bodies, arrival_times(RATE, seconds))


async def _flow(worker: WorkerProcess, ratings: Ratings) -> None:
    """Publish events evenly, over and over, until cancelled."""
    topic = Topics(worker.settings.topic_prefix).user_interactions
    async with bulk_producer(worker.settings.bootstrap_servers) as producer:
        publisher = Publisher(producer)
        clock = asyncio.get_running_loop()
        size, sent, began = int(EVENTS_PER_S * TICK_S), 0, clock.time()
        while True:
            at = sent % max(1, len(ratings) - size)
            await asyncio.gather(*await publisher.send(topic, encode_ratings(_turned(ratings, sent)[at : at + size])))
            sent += size
            await asyncio.sleep(began + sent / EVENTS_PER_S - clock.time())


def _turned(ratings: Ratings, sent: int) -> Ratings:
    """Other users in every round through the data: an event that came before would be a duplicate."""
    rounds = sent // max(1, len(ratings))
    return ratings if not rounds else replace(ratings, user=ratings.user + rounds * 1_000_000)
