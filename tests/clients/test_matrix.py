"""Clients × codecs × transactions × partitioners against one worker: each record has its effect, once."""

import asyncio
from collections.abc import AsyncIterator
from itertools import product

import pytest
import pytest_asyncio

from tests.clients.codecs import codecs_of
from tests.clients.publishers import CLIENTS, CODECS, PARTITIONERS, How
from tests.clients.test_clients import counted, folded
from tests.worker.builders import event, item
from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop
from tests.worker.transactions import Sent
from workers.stream.partitioning import partition_of

PARTITIONS = 4
WAYS = [How(*way) for way in product(CODECS, PARTITIONERS, (False, True))]
PADDING = "a view of the item, " * 20  # clients send what compression makes no smaller as it is


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(broker: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A worker with a small catalog."""
    worker = await Worker(broker, tmp_path_factory.mktemp("matrix")).start()
    try:
        async with open_shop(worker) as client:
            await client.publish_items(*(item(f"i{n}") for n in range(6)))
            yield client
        assert await worker.stop() == 0, worker.log[-4000:]
    finally:
        worker.kill()


async def test_each_client_s_event_counts_once_whatever_its_codec_transaction_and_partitioner(shop: Shop) -> None:
    before = await counted(shop)
    users = {(client, how): f"{client}-{'-'.join(map(str, vars(how).values()))}" for client in CLIENTS for how in WAYS}

    async def publish(client: str) -> None:
        for how in WAYS:
            user = users[client, how]
            viewed = event(user, "i1", "purchase", context={"note": PADDING})
            await CLIENTS[client](shop.worker.bootstrap, how, [Sent.of(shop.topics.user_interactions, user, viewed)])

    await asyncio.gather(*map(publish, CLIENTS))
    await folded(shop)
    records = await shop.read(shop.topics.user_interactions)
    assert sorted((one.key or b"").decode() for one in records) == sorted(users.values())
    foreign = sum(one.partition != partition_of((one.key or b"").decode(), PARTITIONS) for one in records)
    gained = {outcome: count - before[outcome] for outcome, count in (await counted(shop)).items()}
    assert gained == {"applied": len(users), "rerouted": foreign, "duplicate": 0, "dead_letter": 0}
    assert foreign > 0
    codecs = await codecs_of(shop.worker.bootstrap, shop.topics.user_interactions)
    assert codecs == dict.fromkeys(CODECS, len(users) // len(CODECS))
    answers = await asyncio.gather(*(shop.ids(user_id=user, limit=10) for user in users.values()))
    assert {frozenset(ids) for ids in answers} == {frozenset(f"i{n}" for n in (0, 2, 3, 4, 5))}
