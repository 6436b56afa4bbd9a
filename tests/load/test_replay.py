"""A data set as a stream on a real broker: complete, in order, stamped with publish time, resumable."""

import asyncio
import io
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.partitioner import murmur2
from rich.console import Console

from infra.broker import Broker
from load.client.journal import Journal
from load.client.publisher import Acknowledgements, Publisher
from load.client.replay import CHUNK, ReplayResult, due, encode_ratings, replay
from load.datasets.dataset import Dataset
from load.datasets.errors import LoadError
from load.datasets.ratings import Ratings
from tests.kafka import create_topic
from tests.load.folders import dataset_of
from workers.records.interaction import decode_interaction

PARTITIONS = 4


class Topics:
    """Two new topics, and the replay into them."""

    def __init__(self, bootstrap: str, catalog: str, interactions: str) -> None:
        self.bootstrap, self.catalog, self.interactions = bootstrap, catalog, interactions

    async def replay(self, dataset: Dataset, **options: Any) -> ReplayResult:
        return await replay(
            dataset,
            bootstrap=self.bootstrap,
            catalog_topic=self.catalog,
            interactions_topic=self.interactions,
            **options,
        )

    async def events(self) -> list[ConsumerRecord]:
        return await everything(self.bootstrap, self.interactions)


@pytest.fixture
async def topics(broker: str) -> Topics:
    names = [await create_topic(broker, stem, PARTITIONS) for stem in ("catalog", "interactions")]
    return Topics(broker, *names)


async def everything(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """All records of a topic, partition after partition."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        records: list[ConsumerRecord] = []
        while len(records) < sum(ends.values()):
            batches = await consumer.getmany(timeout_ms=10_000)
            assert batches, f"{len(records)} of {sum(ends.values())} records came"
            records += [record for batch in batches.values() for record in batch]
    return sorted(records, key=lambda record: (record.partition, record.offset))


def ids(records: list[ConsumerRecord]) -> list[str]:
    return [orjson.loads(record.value)["event_id"] for record in records]


async def test_every_item_and_rating_arrives_once_and_decodes(topics: Topics) -> None:
    dataset = dataset_of(users=50, per_user=3)
    result = await topics.replay(dataset)
    assert (result.published, result.resumed_at) == (153, 0)
    items = await everything(topics.bootstrap, topics.catalog)
    assert {record.key.decode(): orjson.loads(record.value) for record in items} == {
        item["item_id"]: item for item in dataset.items
    }
    events = await topics.events()
    assert sorted(ids(events)) == sorted(orjson.loads(body)["event_id"] for _, body in encode_ratings(dataset.ratings))
    first = decode_interaction(events[0].value, events[0].key, events[0].timestamp)
    assert (first.event_type, first.user_id, first.value) == ("rating", events[0].key.decode(), 4.0)


async def test_keys_lie_where_javas_partitioner_puts_them_and_in_time_order(topics: Topics) -> None:
    await topics.replay(dataset_of(users=200, per_user=40))
    times: dict[int, list[int]] = defaultdict(list)
    for record in await topics.events():
        assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % PARTITIONS
        times[record.partition].append(orjson.loads(record.value)["event_time"])
    assert len(times) == PARTITIONS
    assert all(stretch == sorted(stretch) for stretch in times.values())


async def test_records_carry_publish_time_and_the_body_the_events_own(topics: Topics) -> None:
    before_ms = int(time.time() * 1000)
    await topics.replay(dataset_of(users=3, per_user=1))
    events = await topics.events()
    assert all(before_ms <= record.timestamp <= time.time() * 1000 for record in events)
    assert all(orjson.loads(record.value)["event_time"] < before_ms for record in events)


async def test_profiles_come_before_the_first_rating_of_their_user(topics: Topics) -> None:
    profile = {"event_id": "profile-1", "event_type": "profile", "user_id": "1", "attributes": {"age": "24"}}
    dataset = replace(dataset_of(users=1, per_user=2), profiles=[profile])
    await topics.replay(dataset)
    first = orjson.loads((await topics.events())[0].value)
    assert first == {**profile, "event_time": int(dataset.ratings.time_ms[0])}


async def test_a_finished_replay_publishes_nothing_more(topics: Topics, tmp_path: Path) -> None:
    dataset = dataset_of(users=10, per_user=3)
    await topics.replay(dataset, progress_file=tmp_path / "progress")
    again = await topics.replay(dataset, progress_file=tmp_path / "progress")
    assert (again.published, again.resumed_at) == (0, 33)
    assert len(await topics.events()) == 30


async def test_a_replay_that_broke_off_goes_on_and_leaves_nothing_out(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dataset_of(users=2_000, per_user=12)
    turns = 0
    send = Publisher.send

    async def send_until_the_crash(self: Publisher, topic: str, records: Any) -> Acknowledgements:
        nonlocal turns
        turns += 1
        if turns == 5:
            raise ConnectionAbortedError("the process died here")
        return await send(self, topic, records)

    monkeypatch.setattr(Publisher, "send", send_until_the_crash)
    with pytest.raises(ConnectionAbortedError):
        await topics.replay(dataset, progress_file=tmp_path / "progress")
    monkeypatch.undo()
    result = await topics.replay(dataset, progress_file=tmp_path / "progress")
    assert result.resumed_at == 3 + CHUNK  # two turns were not known to be acknowledged
    published = ids(await topics.events())
    assert len(set(published)) == 24_000
    assert len(published) >= 24_000


async def test_a_broker_that_dies_midway_costs_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("load.client.kafka.REQUEST_TIMEOUT_MS", 2_000)
    dataset = dataset_of(users=2_000, per_user=20)
    send, turns = Publisher.send, iter(range(100))
    broker = await asyncio.to_thread(Broker(tmp_path / "broker").start)
    try:
        names = [await create_topic(broker.bootstrap, stem, PARTITIONS) for stem in ("catalog", "interactions")]
        topics = Topics(broker.bootstrap, *names)

        async def send_to_a_dying_broker(self: Publisher, topic: str, records: Any) -> Acknowledgements:
            if next(turns) == 5:
                broker.kill()
            return await send(self, topic, records)

        monkeypatch.setattr(Publisher, "send", send_to_a_dying_broker)
        with pytest.raises(LoadError, match="start the replay again"):
            await topics.replay(dataset, progress_file=tmp_path / "progress")
        await asyncio.to_thread(broker.start)
        result = await topics.replay(dataset, progress_file=tmp_path / "progress")
        assert 0 < result.resumed_at < 40_003
        assert len(set(ids(await topics.events()))) == 40_000
    finally:
        broker.stop()


async def test_topics_made_again_are_noticed_instead_of_left_empty(broker: str, tmp_path: Path) -> None:
    dataset = dataset_of(users=10, per_user=3)
    catalog, interactions = [await create_topic(broker, stem) for stem in ("catalog", "interactions")]
    topics = Topics(broker, catalog, interactions)
    Journal(tmp_path / "progress", f"{dataset.fingerprint()} {catalog} {interactions}").acknowledge(20)
    with pytest.raises(LoadError, match="it was created again"):
        await topics.replay(dataset, progress_file=tmp_path / "progress")
    assert await topics.events() == []


async def test_a_paced_replay_publishes_all_of_it_in_order(topics: Topics) -> None:
    await topics.replay(dataset_of(users=1, per_user=30), speed=1_000.0)
    assert len(set(ids(await topics.events()))) == 30


@pytest.mark.parametrize("speed", [0.0, -1.0])
async def test_a_speed_that_gets_nowhere_is_refused(topics: Topics, speed: float) -> None:
    with pytest.raises(LoadError, match="never ends"):
        await topics.replay(dataset_of(users=1, per_user=1), speed=speed)


@pytest.mark.parametrize(("elapsed_s", "expected"), [(0.0, 1), (0.5, 1), (1.0, 2), (2.9, 3), (50.0, 4)])
def test_at_real_time_an_event_is_due_when_its_time_has_passed(elapsed_s: float, expected: int) -> None:
    assert due(np.array([1_000, 2_000, 3_000, 9_000]), 0, elapsed_s, 1.0) == expected


def test_after_a_restart_pacing_begins_at_the_event_where_it_goes_on() -> None:
    assert due(np.array([1_000, 2_000, 3_000, 9_000]), 2, 0.0, 1.0) == 3


async def test_a_missing_topic_is_named(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("load.client.kafka.REQUEST_TIMEOUT_MS", 1_000)
    with pytest.raises(LoadError, match="topic no-such-topic can't be used"):
        await Topics(broker, "no-such-topic", "no-such-topic").replay(dataset_of(users=1, per_user=1))


async def test_an_absent_broker_is_a_clear_error() -> None:
    with pytest.raises(LoadError, match=r"Kafka at 127\.0\.0\.1:1 can't be used"):
        await Topics("127.0.0.1:1", "a", "b").replay(dataset_of(users=1, per_user=1))


async def test_progress_is_shown_with_a_rate(topics: Topics) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    await topics.replay(dataset_of(users=10, per_user=3), console=console)
    assert isinstance(console.file, io.StringIO)
    assert "33/33" in console.file.getvalue() and "/s" in console.file.getvalue()


def test_a_rating_always_has_the_same_event_id() -> None:
    ratings = Ratings(np.array([7]), np.array([9]), np.array([3.5], np.float32), np.array([964982703000]))
    ((key, body),) = encode_ratings(ratings)
    assert (key, orjson.loads(body)) == (
        "7",
        {
            "event_id": "7-9-964982703000",
            "event_type": "rating",
            "user_id": "7",
            "item_id": "9",
            "value": 3.5,
            "event_time": 964982703000,
        },
    )
