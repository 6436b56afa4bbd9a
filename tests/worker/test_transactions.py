"""Records of transactions: committed ones count once, others never, and none of them holds up what can be read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from load.client.kafka import ensure_own_topics
from tests.waiting import until
from tests.worker.builders import event, item
from tests.worker.process import Worker
from tests.worker.shop import Shop, committed, ends, open_shop
from tests.worker.tool import tastestream
from tests.worker.transactions import Sent, die_in_a_transaction, publish, transactions
from workers.stream.partitioning import partition_of

CHUNK, PARTITIONS = 5, 4
WATCHDOG_S = 3.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(broker: str, folder: Path) -> AsyncIterator[Shop]:
    """A worker with short chunks and a watchdog that is soon alarmed."""
    worker = await Worker(broker, folder, chunk_records=CHUNK, watchdog_s=WATCHDOG_S).start()
    try:
        async with open_shop(worker) as client:
            yield client
        assert await worker.stop() == 0, worker.log[-4000:]
        assert "no progress" not in worker.log
    finally:
        worker.kill()


async def test_a_purchase_a_request_and_an_item_after_two_aborts_count_once(shop: Shop) -> None:
    topics, replies = shop.topics, f"{shop.topics.prefix}once-replies"
    await ensure_own_topics(shop.worker.bootstrap, [replies])

    def attempt(number: int) -> tuple[Sent, ...]:
        return (
            Sent.of(topics.item_catalog, f"thing{number}", item(f"thing{number}", title=f"Zephyr{number}")),
            Sent.of(topics.user_interactions, "buyer", event("buyer", "thing2", "purchase")),
            Sent.of(
                topics.recommendation_requests, "buyer", {"user_id": "buyer"}, headers=(("kafka_replyTopic", replies),)
            ),
        )

    before = await applied(shop)
    async with transactions(shop.worker.bootstrap) as producer:
        await producer.abort(*attempt(0))
        await producer.abort(*attempt(1))
        await producer.commit(*attempt(2))
    await until(lambda: nothing_left(shop.worker))
    assert await applied(shop) == before + 1
    await until(lambda: _has_records(shop, replies))
    assert await shop.ids(kind="search", text="Zephyr0") == await shop.ids(kind="search", text="Zephyr1")
    assert await shop.ids(kind="search", text="Zephyr") == ["thing2"]
    assert len(await shop.read(replies)) == 1
    await until(lambda: nothing_left(shop.worker))


async def test_what_lies_behind_an_open_transaction_counts_once_it_is_over(shop: Shop) -> None:
    before, count = await applied(shop), 4 * CHUNK
    async with transactions(shop.worker.bootstrap) as producer:
        await producer.begin(*views(shop, "open", count))
        await publish(shop.worker.bootstrap, *views(shop, "behind", count))
        await outlived_the_watchdog(shop.worker)
        assert await applied(shop) == before
        assert await shop.worker.value("tastestream_consumer_lag_records") == 0
        await producer.commit(*views(shop, "open", count, first=count))
    await until(lambda: nothing_left(shop.worker))
    assert await applied(shop) == before + 3 * count


async def test_what_lies_behind_a_transaction_whose_producer_died_counts_once_the_broker_has_ended_it(
    shop: Shop,
) -> None:
    before = await applied(shop)
    [lost] = views(shop, "dying", 1)
    await die_in_a_transaction(shop.worker.bootstrap, lost, timeout_ms=2_000)
    await publish(shop.worker.bootstrap, *views(shop, "survivor", 3))
    await until(lambda: nothing_left(shop.worker))
    assert await applied(shop) == before + 3


async def test_a_worker_starts_behind_the_ends_of_transactions(broker: str, tmp_path: Path) -> None:
    worker = Worker(broker, tmp_path, chunk_records=CHUNK, watchdog_s=WATCHDOG_S)
    try:
        await worker.start()
        assert await worker.stop() == 0
        async with transactions(broker) as producer:
            await producer.commit(*on_every_topic(worker))
            await producer.abort(*on_every_topic(worker))
        await worker.start()
        await until(lambda: nothing_left(worker))
        assert await worker.stop() == 0
        async with transactions(broker) as producer:
            await producer.abort(*on_every_topic(worker))
        await worker.start()
        await until(lambda: nothing_left(worker))
        assert await worker.value("tastestream_consumer_lag_records") == 0
        await outlived_the_watchdog(worker)
        assert await worker.stop() == 0
    finally:
        worker.kill()


async def test_a_worker_starts_behind_open_transactions_on_every_topic(broker: str, tmp_path: Path) -> None:
    worker = Worker(broker, tmp_path, chunk_records=CHUNK, watchdog_s=WATCHDOG_S)
    try:
        await worker.start()
        async with open_shop(worker) as shop, transactions(broker) as producer:
            await shop.publish_items(item("i0"), item("i1"))
            assert await worker.stop() == 0
            await publish(broker, *views(shop, "before", 3))
            await producer.begin(*on_every_topic(worker))
            await publish(broker, *views(shop, "behind", 3))
            await worker.start()
            await until(lambda: _applied_are(shop, 3))
            await outlived_the_watchdog(worker)
            assert await worker.value("tastestream_consumer_lag_records") == 0
            for command in (("rules", "show"), ("experiment", "show"), ("dlq", "list"), ("retrain", "list")):
                assert (await tastestream(worker, *command)).code == 0, command
            await producer.abort()
            await until(lambda: nothing_left(worker))
            assert await applied(shop) == 6
        assert await worker.stop() == 0
    finally:
        worker.kill()


def views(shop: Shop, user: str, count: int, first: int = 0) -> tuple[Sent, ...]:
    """Views of different items by one user, all in one partition."""
    topic = shop.topics.user_interactions
    users = [name for name in (f"{user}{n}" for n in range(100)) if partition_of(name, PARTITIONS) == 1]
    return tuple(Sent.of(topic, users[0], event(users[0], f"i{n}"), partition=1) for n in range(first, first + count))


def on_every_topic(worker: Worker) -> tuple[Sent, ...]:
    """A record that changes nothing on every partition that a worker reads, those of its own included."""
    positions = [(one.name, n) for one in worker.topics.specs(PARTITIONS, PARTITIONS) for n in range(one.partitions)]
    return tuple(Sent(name, "\x00nothing", None, partition) for name, partition in positions)


async def applied(shop: Shop) -> float:
    return await shop.worker.value("tastestream_events_total", outcome="applied")


async def _has_records(shop: Shop, topic: str) -> bool:
    return bool(await shop.read(topic))


async def _applied_are(shop: Shop, count: int) -> bool:
    return await applied(shop) == count


async def nothing_left(worker: Worker) -> bool:
    """All topics of the worker's group are committed to their ends, and it knows of no lag."""
    topics = worker.topics
    names = (
        topics.user_interactions,
        topics.interactions_rerouted,
        topics.item_catalog,
        topics.item_vectors,
        topics.item_transitions,
    )
    done = [await committed(worker, name) == await ends(worker.bootstrap, name) for name in names]
    return all(done) and await worker.value("tastestream_consumer_lag_records") == 0


async def outlived_the_watchdog(worker: Worker) -> None:
    """The worker lives for longer than its watchdog waits for progress."""
    clock = asyncio.get_running_loop().time
    end = clock() + 1.5 * WATCHDOG_S
    await until(lambda: clock() > end or worker.exit_code is not None)
    assert worker.exit_code is None, worker.log[-4000:]
