"""Topics are created as specified, or the worker says what is wrong with those that exist (real broker)."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from workers.errors import ConfigurationError, DependencyError
from workers.stream.topic_admin import ensure_topics
from workers.topics import Topics, TopicSpec


def fresh_topics() -> Topics:
    return Topics(f"t{uuid4().hex[:12]}.")


async def ensure(broker: str, specs: tuple[TopicSpec, ...], replication_factor: int = 1) -> None:
    await ensure_topics({"bootstrap_servers": broker}, specs, replication_factor)


async def created(broker: str, *topics: NewTopic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.create_topics(list(topics))
    finally:
        await admin.close()


async def partitions(broker: str, name: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        [topic] = await admin.describe_topics([name])
        return len(topic["partitions"])
    finally:
        await admin.close()


async def test_missing_topics_are_created_and_a_second_start_changes_nothing(broker: str) -> None:
    topics = fresh_topics()
    specs = topics.specs(user_partitions=3, item_partitions=2)
    await ensure(broker, specs)
    await ensure(broker, specs)
    assert await partitions(broker, topics.user_interactions) == 3
    assert await partitions(broker, topics.item_state_changelog) == 2


async def test_workers_that_start_at_once_agree(broker: str) -> None:
    topics = fresh_topics()
    specs = topics.specs(user_partitions=2, item_partitions=2)
    await asyncio.gather(*(ensure(broker, specs) for _ in range(4)))
    assert await partitions(broker, topics.item_transitions) == 2


async def test_a_wrong_partition_count_is_named_with_the_remedy(broker: str) -> None:
    topics = fresh_topics()
    await created(broker, NewTopic(topics.user_interactions, 5, 1))
    with pytest.raises(ConfigurationError) as refused:
        await ensure(broker, topics.specs(user_partitions=2, item_partitions=2))
    assert f"topic {topics.user_interactions} has 5 partitions, expected 2" in str(refused.value)
    assert "another topic prefix" in str(refused.value)


async def test_a_wrong_cleanup_policy_is_named_with_the_remedy(broker: str) -> None:
    topics = fresh_topics()
    await created(broker, NewTopic(topics.item_catalog, 2, 1, topic_configs={"cleanup.policy": "delete"}))
    with pytest.raises(ConfigurationError) as refused:
        await ensure(broker, topics.specs(user_partitions=2, item_partitions=2))
    assert f"topic {topics.item_catalog} has cleanup.policy=delete, expected compact" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "said", "problem"),
    [
        ("message.timestamp.type", "CreateTime", "expected LogAppendTime"),
        ("max.message.bytes", "1000000", "expected at least 4194304"),
    ],
)
async def test_a_dead_letter_topic_that_would_lose_letters_is_refused(
    broker: str, name: str, said: str, problem: str
) -> None:
    topics = fresh_topics()
    config = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "4194304", name: said}
    await created(broker, NewTopic(topics.dead_letters, 1, 1, topic_configs=config))
    with pytest.raises(ConfigurationError, match=f"{name}={said}, {problem}"):
        await ensure(broker, topics.letter_specs())


async def test_a_dead_letter_topic_for_larger_letters_is_welcome(broker: str) -> None:
    topics = fresh_topics()
    config = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "8388608"}
    await created(broker, NewTopic(topics.dead_letters, 1, 1, topic_configs=config))
    await ensure(broker, topics.letter_specs())


async def test_every_contradiction_is_reported_at_once(broker: str) -> None:
    topics = fresh_topics()
    await created(broker, NewTopic(topics.user_interactions, 5, 1), NewTopic(topics.item_catalog, 5, 1))
    with pytest.raises(ConfigurationError) as refused:
        await ensure(broker, topics.specs(user_partitions=2, item_partitions=2))
    assert topics.user_interactions in str(refused.value)
    assert topics.item_catalog in str(refused.value)


async def test_the_reply_topic_may_have_any_partition_count(broker: str) -> None:
    topics = fresh_topics()
    await created(broker, NewTopic(topics.recommendation_replies, 5, 1))
    await ensure(broker, topics.specs(user_partitions=2, item_partitions=2))
    assert await partitions(broker, topics.recommendation_replies) == 5


async def test_too_few_brokers_for_the_replicas_is_a_configuration_error(broker: str) -> None:
    specs = fresh_topics().specs(user_partitions=1, item_partitions=1)
    with pytest.raises(ConfigurationError, match="replication factor"):
        await ensure(broker, specs, replication_factor=3)


async def test_a_topic_configuration_that_kafka_refuses_is_a_configuration_error(broker: str) -> None:
    [spec, *_] = fresh_topics().specs(user_partitions=1, item_partitions=1)
    with pytest.raises(ConfigurationError, match=spec.name):
        await ensure(broker, (replace(spec, config={"retention.ms": "soon"}),))


async def test_an_absent_broker_is_a_dependency_error() -> None:
    with pytest.raises(DependencyError, match=r"127\.0\.0\.1:1 "):
        await ensure("127.0.0.1:1", Topics().specs(1, 1))
