"""What tests do with a real broker: topics of their own, records in, records out."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

READ_TIMEOUT_MS = 10_000


def unique_name(stem: str) -> str:
    """Return a name that no other test uses, for a topic or a consumer group."""
    return f"{stem}-{uuid4().hex[:12]}"


async def create_topic(bootstrap: str, stem: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> str:
    """Create a topic with a unique name that begins with `stem`; return the name."""
    name = unique_name(stem)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        response = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(configs or {}))])
        failures = [error for error in response.topic_errors if error[1]]
        assert not failures, failures
    finally:
        await admin.close()
    return name


async def write(bootstrap: str, topic: str, values: Sequence[bytes], key: bytes | None = None) -> None:
    """Write the values in order and return when the broker has acknowledged all of them."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for acknowledgement in [await producer.send(topic, value, key=key) for value in values]:
            await acknowledgement


async def read(bootstrap: str, topic: str, count: int, partition: int = 0) -> list[bytes | None]:
    """Return the first `count` values of a partition; fewer when they do not come within the time limit."""
    values: list[bytes | None] = []
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, partition)])
        while len(values) < count:
            batch = await consumer.getmany(timeout_ms=READ_TIMEOUT_MS)
            if not batch:
                break
            values += [record.value for records in batch.values() for record in records]
    return values[:count]
