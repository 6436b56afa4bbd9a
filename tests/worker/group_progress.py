"""How far a worker's group has committed, beside the ends of topics (touches Kafka)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.worker.process import Worker


@asynccontextmanager
async def group_progress(worker: Worker, topics: Collection[str]) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """What asks whether the group has committed exactly the end of every partition of `topics` that has records.

    Its connections last as long as the block: a wait that made new ones for each poll took more CPU than the worker.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=worker.bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=worker.bootstrap)
    await admin.start()
    try:
        await consumer.start()
        partitions = await _partitions(admin, topics)

        async def at_the_end() -> bool:
            # Commits first: what a committed record led to is on its topic by then, and its end shows it.
            offsets = await admin.list_consumer_group_offsets(worker.group)
            committed = {tp: offset for tp, (offset, _) in offsets.items() if tp in partitions and offset > 0}
            ends = await consumer.end_offsets(partitions)
            return committed == {tp: end for tp, end in ends.items() if end}

        yield at_the_end
    finally:
        await consumer.stop()
        await admin.close()


async def _partitions(admin: AIOKafkaAdminClient, topics: Collection[str]) -> list[TopicPartition]:
    described = await admin.describe_topics(list(topics))
    assert not [topic for topic in described if topic["error_code"]], described
    return [TopicPartition(one["topic"], part["partition"]) for one in described for part in one["partitions"]]
