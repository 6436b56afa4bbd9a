"""Opens a scene: topics, catalog, clients; and waits at its end until nothing is on its way (touches Kafka)."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import orjson

from infra.broker import Broker
from load.client.backlog import open_backlog
from load.client.client import request_client
from load.client.kafka import bulk_producer, ensure_own_topics
from load.client.publisher import Publisher
from load.client.waiting import until
from load.datasets.errors import LoadError
from load.faults import crowd
from load.faults.qdrant import QdrantProcess
from load.faults.scene import PARTITIONS, Scale, Scene
from load.faults.traffic import Traffic
from workers.settings import Settings
from workers.stream.topic_admin import ensure_topics

SESSION_TIMEOUT_S = 6.0
# Short chunks have many ends for a fault to meet; at peak they are as long as they are by default.
CHUNK_RECORDS, PEAK_PARTITIONS = 100, 6
# Below the 500 ms of the slow server, and above what the stub takes on a busy machine.
SERVER_TIMEOUT_MS = 400
SETTLE_WITHIN_S, REPLIES_WITHIN_S = 300.0, 30.0


@asynccontextmanager
async def open_scene(
    broker: Broker, folder: Path, name: str, scale: Scale, index_kind: str, *, at_peak: bool = False, **settings: object
) -> AsyncIterator[Scene]:
    """A service without workers; those that are added meanwhile end with it. `settings` of all of them, by name."""
    server = QdrantProcess(folder / "server")
    common = _settings(broker, name, index_kind, at_peak=at_peak).model_copy(
        update={"qdrant_url": server.url, "qdrant_timeout_ms": SERVER_TIMEOUT_MS, **settings}
    )
    scene = Scene(broker, folder, scale, common, random.Random(name))
    scene.server = server
    if index_kind == "server":
        await server.start()
    partitions, users = common.user_partitions, scale.users_at_peak if at_peak else scale.users
    specs = scene.topics.specs(partitions, partitions)
    await ensure_topics({"bootstrap_servers": broker.bootstrap}, specs, replication_factor=1)
    replies = f"{name}.bench-replies"
    await ensure_own_topics(broker.bootstrap, [replies])
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        producer = await enter(bulk_producer(broker.bootstrap))
        client = await enter(request_client(broker.bootstrap, scene.topics.recommendation_requests, replies))
        described = [(item["item_id"], orjson.dumps(item)) for item in crowd.catalog()]
        await asyncio.gather(*await Publisher(producer).send(scene.topics.item_catalog, described))
        scene.traffic = Traffic(
            producer,
            client,
            scene.topics.user_interactions,
            crowd.events(users, scene.rng.randrange(2**31), scale.strangers),
            crowd.users(users),
            partitions,
            rate=scale.rate,
            questions=scale.questions,
            seed=1,
            waiting=(await enter(_waiting(scene))) if at_peak else None,
        )
        scene.watch()
        try:
            yield scene
        finally:
            if scene.watching is not None:
                scene.watching.cancel()
            for worker in scene.workers:
                worker.discard()
            server.kill()
            for clean_up in reversed(scene.at_end):
                clean_up()


async def settle(scene: Scene) -> None:
    """Wait until all that was published is folded and committed, and replies had time to come."""

    async def nothing_left() -> bool:
        with suppress(LoadError):
            return not await waiting()
        return False

    async with _waiting(scene) as waiting:
        await until(nothing_left, SETTLE_WITHIN_S, "all events folded and committed")
    unanswered = [one.reply for one in scene.traffic.asked if not one.reply.done()]
    if unanswered:
        await asyncio.wait(unanswered, timeout=REPLIES_WITHIN_S)


@asynccontextmanager
async def _waiting(scene: Scene) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Counts how many records of all inputs are not finished; raises LoadError while Kafka does not answer."""
    topics = scene.topics
    inputs = (topics.item_catalog, topics.user_interactions, topics.interactions_rerouted, topics.item_transitions)
    async with open_backlog(scene.broker.bootstrap, scene.settings.app_id, inputs) as backlog:

        async def waiting() -> int:
            return (await backlog.left()).total()

        yield waiting


def _settings(broker: Broker, name: str, index_kind: str, *, at_peak: bool) -> Settings:
    partitions = PEAK_PARTITIONS if at_peak else PARTITIONS
    chunk = {} if at_peak else {"chunk_records": CHUNK_RECORDS}
    return Settings.model_validate(
        {
            "bootstrap_servers": broker.bootstrap,
            "topic_prefix": f"{name}.",
            "app_id": name,
            "user_partitions": partitions,
            "item_partitions": partitions,
            "session_timeout_s": SESSION_TIMEOUT_S,
            "index_kind": index_kind,
            **chunk,
        }
    )
