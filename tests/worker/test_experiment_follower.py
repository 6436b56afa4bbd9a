"""Every worker follows the definitions; a bad one is written to the dead letters once, by one of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import CollectorRegistry

from tests.experiments.builders import definition
from tests.kafka import unique_name
from tests.waiting import until
from tests.worker.shop import read_all
from workers.control.running import Running
from workers.control.shared_experiments import SharedExperiments
from workers.dead_letters.refused import RefusedLetters
from workers.metrics import Metrics
from workers.records.out import OutRecord
from workers.stream.compacted import CompactedTopicFollower
from workers.stream.topic_admin import ensure_topics
from workers.stream.writer import Writer
from workers.topics import Topics


@pytest_asyncio.fixture(loop_scope="session")
async def topics(broker: str) -> Topics:
    """Fresh topics of experiments and of dead letters."""
    made = Topics(unique_name("followed") + ".")
    specs = [one for one in made.specs(1, 1) if one.name in (made.experiments, made.dead_letters)]
    await ensure_topics({"bootstrap_servers": broker}, specs, replication_factor=1)
    return made


@asynccontextmanager
async def following(broker: str, topics: Topics, *, owner: bool = True) -> AsyncIterator[tuple[Running, Writer]]:
    """A worker's part that follows the topic, started."""
    options = {"bootstrap_servers": broker}
    running, writer = Running("online"), Writer(options, owner=topics.prefix, patience_s=10.0)
    metrics = Metrics(CollectorRegistry())
    group_id = f"{topics.prefix}experiments"
    letters = RefusedLetters("experiments", writer, metrics, topics.dead_letters, lambda: owner, group_id=group_id)
    follower = CompactedTopicFollower(
        SharedExperiments(running, metrics), options, topics.experiments, metrics, patience_s=10.0, letters=letters
    )
    await writer.start()
    await follower.start()
    try:
        yield running, writer
    finally:
        await follower.stop()
        await writer.stop()


def good(name: str) -> OutRecord:
    return OutRecord(name.encode(), orjson.dumps(definition(name, {"name": "a"}, {"name": "b"})))


async def test_a_worker_that_starts_knows_what_runs_before_it_answers(broker: str, topics: Topics) -> None:
    async with following(broker, topics) as (running, writer):
        assert len(running) == 0
        await writer.send(topics.experiments, 0, [good("one"), good("two"), OutRecord(b"one", None)])
        await until(lambda: [label for label, _ in running.scored] == ["two/a", "two/b"])
    async with following(broker, topics) as (started, _):
        assert started.scored == running.scored


async def test_a_bad_definition_is_one_letter_through_restarts_and_hand_overs(broker: str, topics: Topics) -> None:
    async def letters() -> int:
        return len(await read_all(broker, topics.dead_letters))

    async with following(broker, topics, owner=False) as (running, writer):
        await writer.send(topics.experiments, 0, [good("one"), OutRecord(b"one", b"{"), good("two"), good("one")])
        await until(lambda: len(running) == 2)
        assert await letters() == 0
    async with following(broker, topics):
        await until(lambda: _noted(broker, topics, 2))
        assert await letters() == 1
    async with following(broker, topics) as (running, writer):
        await writer.send(topics.experiments, 0, [OutRecord(b"\xff", None), OutRecord(b"\xff", b"{}")])
        await until(lambda: _noted(broker, topics, 6))
        assert (await letters(), len(running)) == (2, 2)


async def _noted(broker: str, topics: Topics, offset: int) -> bool:
    """Whether letters are known to be written up to this offset."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(f"{topics.prefix}experiments")
    finally:
        await admin.close()
    return [one.offset for one in offsets.values()] == [offset]
