"""Compressed batches on every topic that a worker or a command reads: all are understood, also after a restart."""

from collections.abc import AsyncIterator, Sequence
from itertools import product

import numpy as np
import orjson
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from load.client.kafka import ensure_own_topics
from models.ranking.ranker_weights import RankerWeights
from tests.clients.codecs import codecs_of
from tests.clients.publishers import CLIENTS, CODECS, How
from tests.clients.test_clients import counted, folded
from tests.experiments.builders import definition
from tests.waiting import until
from tests.worker.builders import event, item
from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop, until_committed
from tests.worker.tool import tastestream
from tests.worker.transactions import Sent
from workers.admin.state.changelog import read_state
from workers.admin.vectors.publish import read_versions
from workers.control.shared_weights import HeardWeights
from workers.control.versions import Version, encode
from workers.items.slots import key_of, value_of
from workers.settings import load_settings
from workers.stream.bounded_read import read_guidance, topic_reader
from workers.stream.partitioning import partition_of
from workers.stream.security import client_options
from workers.stream.unpacking import MOST_BYTES
from workers.users.arrivals import FIRST_PLACE_HEADER

PARTITIONS, DIM = 4, 64
WAYS = list(product(("confluent", "kcat"), CODECS[1:]))
COPIES = 10  # of each record, in one batch: clients send what compression makes no smaller as it is


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(broker: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A worker that has written something to each of its own topics."""
    worker = await Worker(broker, tmp_path_factory.mktemp("codecs")).start()
    try:
        async with open_shop(worker) as client:
            await client.publish_items(*(item(f"i{n}") for n in range(6)))
            await client.publish_events(event("first", "i1"), event("first", "i2"))
            await client.served(await client.ask(user_id="first"))
            await client.send(client.topics.user_interactions, b"no JSON")
            yield client
        assert await worker.stop() == 0, worker.log[-4000:]
    finally:
        worker.kill()


async def test_each_codec_is_understood_on_each_topic(shop: Shop) -> None:
    worker, topics, names = shop.worker, shop.topics, [f"{client}-{codec}" for client, codec in WAYS]
    replies = f"{topics.prefix}codec-replies"
    await ensure_own_topics(worker.bootstrap, [replies])
    await until(lambda: _has_records(shop, topics.dead_letters))
    ours = await written_by_the_worker(shop)
    before = await counted(shop)
    for name, (client, codec) in zip(names, WAYS, strict=True):
        sent = [*from_clients(shop, name, replies), *from_tools(shop, name), *ours]
        await CLIENTS[client](worker.bootstrap, How(codec), [one for one in sent for _ in range(COPIES)])
    for topic in {one.topic for one in sent}:
        assert set(CODECS[1:]) <= (await codecs_of(worker.bootstrap, topic)).keys(), topic
    await folded(shop)
    await until_committed(worker, topics.item_vectors)
    await check_effects(shop, names, replies, before["applied"])
    assert await worker.stop() == 0, worker.log[-4000:]
    await worker.start()
    assert await worker.value("tastestream_rules_scenarios") == len(names)
    assert set(await shop.ids(user_id="first", limit=100)) >= {f"item-{name}" for name in names}


async def test_a_small_batch_that_is_huge_unpacked_is_one_dead_letter_and_the_stream_goes_on(shop: Shop) -> None:
    topic, before = shop.topics.user_interactions, await counted(shop)
    letters = await shop.worker.value("tastestream_dead_letters_total")
    user = next(name for name in (f"after-{n}" for n in range(100)) if partition_of(name, PARTITIONS) == 0)
    async with AIOKafkaProducer(bootstrap_servers=shop.worker.bootstrap) as producer:
        huge = BatchBuilder(1 << 30, CODECS.index("zstd"))
        for _ in range(3):
            huge.append(timestamp=None, key=b"huge", value=bytes(MOST_BYTES // 2))
        await (await producer.send_batch(huge, topic, partition=0))
    await shop.publish_events(event(user, "i1"))
    assert await shop.worker.value("tastestream_dead_letters_total") == letters + 1
    assert (await counted(shop))["applied"] == before["applied"] + 1


async def check_effects(shop: Shop, names: Sequence[str], replies: str, applied: float) -> None:
    """Each name's records did what such records do."""
    worker, topics, settings = shop.worker, shop.topics, load_settings(**shop.worker.settings)
    state = await read_state(settings)
    for name in names:
        row = state.item(f"item-{name}")
        assert row is not None and row.catalog is not None and row.slots.version("a") == 1, name
    assert (await counted(shop))["applied"] == applied + 2 * len(names)
    await until(lambda: _has_records(shop, replies, len(names) * COPIES))
    assert await worker.value("tastestream_rules_scenarios") == len(names)
    assert await worker.value("tastestream_experiments") == len(names)
    heard = HeardWeights()
    async with topic_reader(client_options(settings)) as reader:
        await read_guidance(reader, topics.ranker_weights, heard.apply)
    assert set(heard.by_worker) >= set(names)
    assert (await read_versions(settings)).slots["a"].source == names[-1]
    assert await worker.value("tastestream_dead_letters_total") == 1
    for command in (("rules", "show"), ("dlq", "list"), ("experiment", "report")):
        ran = await tastestream(worker, *command)
        assert ran.code == 0, ran.text


def from_clients(shop: Shop, name: str, replies: str) -> list[Sent]:
    """What applications publish, and what a worker forwards for them."""
    topics, user, moved = shop.topics, f"user-{name}", f"moved-{name}"
    seen = event(user, "i1", "purchase", event_id=f"seen-{name}")
    forwarded = event(moved, "i1", "purchase", event_id=f"moved-{name}")
    position = {"partition": partition_of(moved, PARTITIONS), "headers": ((FIRST_PLACE_HEADER, "0:0"),)}
    return [
        Sent.of(topics.item_catalog, f"item-{name}", item(f"item-{name}")),
        Sent.of(topics.user_interactions, user, seen),
        Sent.of(topics.interactions_rerouted, moved, forwarded, **position),
        Sent.of(topics.recommendation_requests, user, {"user_id": user}, headers=(("reply_to", replies),)),
    ]


def from_tools(shop: Shop, name: str) -> list[Sent]:
    """What commands and other workers publish."""
    topics, item_id = shop.topics, f"item-{name}"
    version = encode(Version(version=1, slot="a", source=name, items=1))
    vector = value_of(1, np.eye(1, DIM, dtype=np.float32)[0])
    return [
        Sent.of(topics.recommendation_rules, f"scenario-{name}", {"diversity": 0.3}, partition=0),
        Sent.of(topics.experiments, f"trial-{name}", definition(f"trial-{name}"), partition=0),
        Sent(topics.ranker_weights, name, RankerWeights().pack(), 0),
        Sent(topics.item_vectors_versions, "a", version, 0),
        Sent(topics.item_vectors, key_of(item_id, "a").decode(), vector, partition_of(item_id, PARTITIONS)),
        Sent(topics.dead_letters_replayed, "0:0", orjson.dumps({"place": name}), 0),
    ]


async def written_by_the_worker(shop: Shop) -> list[Sent]:
    """The last record of each topic that only workers write, to be written again: state, evidence, letters, lines."""
    topics = shop.topics
    found = []
    for topic in (
        topics.user_state_changelog,
        topics.item_state_changelog,
        topics.item_transitions,
        topics.dead_letters,
        topics.recommendations_served,
    ):
        last = [one for one in await shop.read(topic) if one.value is not None][-1]
        found.append(Sent(topic, (last.key or b"").decode(), last.value, last.partition))
    return found


async def _has_records(shop: Shop, topic: str, count: int = 1) -> bool:
    return len(await shop.read(topic)) >= count
