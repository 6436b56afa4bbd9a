"""A rebuild's plan, its refusals, and what is said of a state that does not hold the whole log (real broker)."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.ports import choose_ports
from tests.kafka import unique_name
from tests.waiting import until
from tests.worker.builders import T0_MS, event, item
from workers.admin.rebuild import run as rebuild
from workers.admin.rebuild.fold import fold_log
from workers.admin.rebuild.run import empty_state, plan_rebuild
from workers.admin.state.changelog import read_state
from workers.admin.state.show import item_lines, user_lines
from workers.admin.vectors.publish import publish
from workers.admin.vectors.train import Trained
from workers.errors import ConfigurationError
from workers.runtime.run import prepare_topics
from workers.settings import Settings, load_settings
from workers.stream.backlog import open_backlog
from workers.stream.partitioning import partition_of
from workers.topics import Topics

DAY_MS = 86_400_000
EVENTS = [event("u", item_id, event_time=T0_MS + n * DAY_MS) for n, item_id in enumerate("abc")]


@pytest_asyncio.fixture
async def service(broker: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings of a service of its own, with three items and three events of one user, a day apart."""
    settings = load_settings(
        bootstrap_servers=broker,
        topic_prefix=unique_name("t") + ".",
        app_id=unique_name("app"),
        data_path=tmp_path,
        web_port=choose_ports(0)[0],
        session_timeout_s=6,
        user_partitions=2,
        item_partitions=2,
    )
    topics = Topics(settings.topic_prefix)
    await prepare_topics(settings)
    await _publish(broker, topics.item_catalog, [(name, item(name), T0_MS) for name in "abc"])
    await _publish(broker, topics.user_interactions, [("u", one, one["event_time"]) for one in EVENTS])
    yield settings


async def test_a_rebuild_takes_learned_vectors_from_their_topic(service: Settings) -> None:
    made = await publish(service, Trained(list("abc"), np.eye(3, service.collaborative_dim, dtype=np.float32), "test"))
    await empty_state(service, await plan_rebuild(service))
    await fold_log(service)
    state = await read_state(service)
    rows = [state.items.partitions[partition_of(name, 2)].get(name) for name in "abc"]
    assert [row and row.slots.version("a") for row in rows] == [made.version] * 3


async def test_a_rebuild_from_a_time_holds_what_was_published_since_and_says_so(service: Settings) -> None:
    await empty_state(service, await plan_rebuild(service, since_ms=T0_MS + DAY_MS))
    await fold_log(service)
    state = await read_state(service)
    user = state.users.partitions[partition_of("u", 2)].get("u")
    assert user is not None and user.history.item_ids == ["b", "c"]
    assert state.items.partitions[partition_of("a", 2)].get("a") is not None
    assert set(state.notes()) == {"state begins at 2023-11-15T22:13:20+00:00: events published before are not in it"}
    assert any("2 events kept" in line for line in await user_lines(service, "u"))
    assert any("1 user," in line for line in await item_lines(service, "c"))
    with pytest.raises(ConfigurationError, match="no row of user 'nobody'"):
        await user_lines(service, "nobody")


async def test_a_rebuild_from_the_start_takes_the_note_away(service: Settings) -> None:
    await empty_state(service, await plan_rebuild(service, since_ms=T0_MS + DAY_MS))
    await empty_state(service, await plan_rebuild(service))
    assert (await read_state(service)).notes() == []


async def test_a_plan_says_what_will_go_and_changes_nothing(service: Settings) -> None:
    plan = await plan_rebuild(service)
    assert set(plan.derived) == set(rebuild.derived_topics(Topics(service.topic_prefix)))
    assert {tp.topic for tp in plan.offsets} & set(plan.derived) == {
        Topics(service.topic_prefix).interactions_rerouted,
        Topics(service.topic_prefix).item_transitions,
    }
    assert any(str(service.data_path) in line for line in plan.lines())
    assert (await plan_rebuild(service)) == plan


async def test_a_rebuild_is_refused_while_a_worker_is_in_the_group(
    service: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "BEYOND_SESSION_S", 0.5 - service.session_timeout_s)
    plan = await plan_rebuild(service)
    async with _member(service):
        with pytest.raises(ConfigurationError, match="stop all of its workers"):
            await plan_rebuild(service)
        with pytest.raises(ConfigurationError, match="nothing was deleted"):
            await empty_state(service, plan)


async def test_what_can_not_be_committed_is_no_backlog(service: Settings) -> None:
    tp = TopicPartition(Topics(service.topic_prefix).user_interactions, partition_of("u", 2))
    options = {"bootstrap_servers": service.bootstrap_servers}
    async with AIOKafkaProducer(**options, transactional_id=unique_name("tx")) as producer, producer.transaction():
        await producer.send_and_wait(tp.topic, b"{}", partition=tp.partition)
    async with open_backlog(options, service.app_id) as backlog, _offsets_only(service) as consumer:
        end = len(EVENTS) + 2  # the record, and the transaction's mark, which comes a little later

        async def marked() -> bool:
            return (await backlog.ends(tp.topic, 2))[tp] == end

        await until(marked)
        ends = {tp: end}
        assert await backlog.left(ends) == end
        consumer.assign([tp])
        await consumer.commit({tp: len(EVENTS)})
        assert [await backlog.left(ends) for _ in range(2)] == [2, 2]
        await consumer.commit({tp: len(EVENTS) + 1})
        assert [await backlog.left(ends) for _ in range(2)] == [1, 0]


async def _publish(broker: str, topic: str, records: Sequence[tuple[str, object, int]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
        for key, body, time_ms in records:
            await producer.send_and_wait(topic, orjson.dumps(body), key=key.encode(), timestamp_ms=time_ms)


def _offsets_only(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers, group_id=settings.app_id, enable_auto_commit=False
    )


def _member(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        Topics(settings.topic_prefix).item_catalog,
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.app_id,
    )
