"""The stream core against a real broker: rows before records, exact commits, exact counts over rebalances."""

import asyncio
from collections import Counter

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.kafka import create_topic
from tests.stream.counting import CountingWorker
from tests.waiting import until
from workers.errors import ConfigurationError
from workers.stream.member import check_not_shorter

PARTITIONS = 4


async def topics(broker: str) -> tuple[str, str, str]:
    topic = await create_topic(broker, "events", partitions=PARTITIONS)
    changelog = await create_topic(broker, "counts", partitions=PARTITIONS, configs={"cleanup.policy": "compact"})
    return topic, changelog, f"group-{topic}"


async def publish(broker: str, topic: str, first: int, last: int) -> Counter[str]:
    """Records first…last−1, keys by number modulo 37; the counts they should lead to."""
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        for n in range(first, last):
            await producer.send(topic, b"%d" % n, key=b"k%d" % (n % 37))
    finally:
        await producer.stop()
    return Counter(f"k{n % 37}" for n in range(first, last))


async def committed(broker: str, group: str, topic: str) -> dict[int, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    return {tp.partition: meta.offset for tp, meta in offsets.items() if tp.topic == topic}


async def ends(broker: str, topic: str) -> dict[int, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker)
    await consumer.start()
    try:
        offsets = await consumer.end_offsets([TopicPartition(topic, p) for p in range(PARTITIONS)])
    finally:
        await consumer.stop()
    return {tp.partition: offset for tp, offset in offsets.items() if offset}


async def test_every_record_counts_and_each_partition_is_committed_to_its_end(broker: str) -> None:
    topic, changelog, group = await topics(broker)
    expected = await publish(broker, topic, 0, 500)
    async with CountingWorker(broker, topic, changelog, group).running() as worker:
        await until(lambda: worker.counts() == expected)
        end = await ends(broker, topic)

        async def all_committed() -> bool:
            return await committed(broker, group, topic) == end

        await until(all_committed)


async def test_a_restarted_worker_recovers_its_rows_and_repeats_nothing(broker: str) -> None:
    topic, changelog, group = await topics(broker)
    expected = await publish(broker, topic, 0, 300)
    async with CountingWorker(broker, topic, changelog, group).running() as worker:
        await until(lambda: worker.counts() == expected)
        assert not worker.resumed_at
    async with CountingWorker(broker, topic, changelog, group).running() as again:
        await again.member.ready.wait()
        assert again.counts() == expected
        assert again.folded == 0
        assert {tp.partition: offset for tp, offset in again.resumed_at.items()} == await ends(broker, topic)


async def test_rows_behind_a_transaction_that_is_open_on_the_changelog_are_recovered_too(broker: str) -> None:
    topic, changelog, group = await topics(broker)
    expected = await publish(broker, topic, 0, 100)
    async with AIOKafkaProducer(bootstrap_servers=broker, transactional_id=group) as foreign, foreign.transaction():
        for partition in range(PARTITIONS):
            await foreign.send_and_wait(changelog, None, key=b"\x00alien", partition=partition)
        async with CountingWorker(broker, topic, changelog, group).running() as worker:
            await until(lambda: worker.counts() == expected)
        async with CountingWorker(broker, topic, changelog, group).running() as again:
            await again.member.ready.wait()
            assert again.counts() == expected


async def test_a_worker_goes_on_where_a_program_committed_that_read_uncommitted_records(broker: str) -> None:
    topic, changelog, group = await topics(broker)
    async with AIOKafkaProducer(bootstrap_servers=broker, transactional_id=group) as other, other.transaction():
        await other.send_and_wait(topic, b"0", key=b"k0", partition=0)
        async with AIOKafkaConsumer(bootstrap_servers=broker, group_id=group, enable_auto_commit=False) as before:
            before.assign([TopicPartition(topic, 0)])
            await before.commit({TopicPartition(topic, 0): 1})
        async with CountingWorker(broker, topic, changelog, group).running() as worker:
            await asyncio.wait_for(worker.member.ready.wait(), 30.0)
            assert worker.counts() == {}


async def test_records_published_while_no_worker_runs_are_folded_at_the_next_start(broker: str) -> None:
    topic, changelog, group = await topics(broker)
    expected = await publish(broker, topic, 0, 100)
    async with CountingWorker(broker, topic, changelog, group).running() as worker:
        await until(lambda: worker.counts() == expected)
    expected += await publish(broker, topic, 100, 250)
    async with CountingWorker(broker, topic, changelog, group).running() as again:
        await until(lambda: again.counts() == expected)


async def test_counts_stay_exact_while_workers_come_and_go(broker: str) -> None:
    topic, changelog, group = await topics(broker)
    expected = await publish(broker, topic, 0, 400)
    async with CountingWorker(broker, topic, changelog, group).running() as first:
        async with CountingWorker(broker, topic, changelog, group).running() as second:
            publishing = asyncio.create_task(publish(broker, topic, 400, 2_000))
            await until(lambda: len(second.table.partitions) == PARTITIONS // 2)
            expected += await publishing
            await until(lambda: Counter(first.counts()) + Counter(second.counts()) == expected)
        expected += await publish(broker, topic, 2_000, 2_500)
        await until(lambda: first.counts() == expected)


async def test_rows_of_a_partition_that_went_elsewhere_are_dropped_before_the_next_assignment(broker: str) -> None:
    topic, changelog, group = await topics(broker)
    async with CountingWorker(broker, topic, changelog, group).running() as worker:
        await worker.member.ready.wait()
        worker.member._generation -= 1  # the assignment of the next generation comes
        worker.member.take_over({TopicPartition(topic, p) for p in range(1, PARTITIONS)})
        assert set(worker.table.partitions) == {1, 2, 3}
        assert worker.member._recovering is not None
        await worker.member._recovering


async def test_a_worker_that_stops_takes_nothing_from_its_successor(broker: str) -> None:
    topic, changelog, group = await topics(broker)
    async with CountingWorker(broker, topic, changelog, group).running() as worker:
        await worker.member.ready.wait()
        before = await ends(broker, changelog)
    assert await ends(broker, changelog) == before


def test_a_topic_that_ends_before_what_was_committed_is_another_topic() -> None:
    tp, quiet = TopicPartition("events", 0), TopicPartition("events", 1)
    check_not_shorter({tp: 252, quiet: None}, {tp: 252, quiet: 0})
    with pytest.raises(ConfigurationError, match="deleted and created again"):
        check_not_shorter({tp: 252, quiet: None}, {tp: 60, quiet: 0})
