"""Start, stop and trouble: what a supervisor and an operator rely on."""

import asyncio
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.broker import Broker
from infra.ports import choose_ports
from models.state.user_state import UserState
from tests.kafka import unique_name, write
from tests.waiting import until
from tests.worker.builders import event, item
from tests.worker.exactness import check_state, until_all_committed
from tests.worker.process import Worker
from tests.worker.shop import open_shop
from tests.worker.tool import tastestream
from tests.worker.traffic import catalog, events
from workers.admin.state.drop import drop_row
from workers.errors import ConfigurationError
from workers.items.rows import ItemRow
from workers.settings import load_settings
from workers.stream.table import BEGUN_KEY, EVICTED_KEY

EVENTS = 2_000


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that a test may stop; not started."""
    broker = Broker(tmp_path / "broker", port=choose_ports(0)[0])
    try:
        yield broker
    finally:
        broker.stop()


async def test_a_worker_told_to_stop_while_it_folds_ends_with_0_and_nothing_is_lost(
    broker: str, tmp_path: Path
) -> None:
    worker = Worker(broker, tmp_path, chunk_records=40)
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            made = [(one["user_id"], one) for one in events(EVENTS, seed=3)]
            await shop.publish(shop.topics.user_interactions, made)
            assert await worker.stop() == 0, worker.log[-4000:]
            await worker.start()
            await until_all_committed(worker)
            await check_state(worker, EVENTS)
        assert await worker.stop() == 0
    finally:
        worker.kill()


async def test_a_worker_is_not_ready_while_another_one_of_its_group_is_believed_alive(
    broker: str, tmp_path: Path
) -> None:
    worker = Worker(broker, tmp_path)
    try:
        await worker.start()
        worker.kill()
        worker.spawn()

        async def alive() -> bool:
            return await worker.status("/healthz") == 200

        await until(alive)
        assert await worker.status("/readyz") == 503
        await worker.until_ready()
    finally:
        worker.kill()


async def test_a_topic_with_another_partition_count_is_a_contradiction_that_a_person_resolves(
    broker: str, tmp_path: Path
) -> None:
    worker = Worker(broker, tmp_path)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(worker.topics.user_interactions, 3, 1)])
    finally:
        await admin.close()
    worker.spawn()
    assert await worker.ended(within_s=30.0) == 78
    assert f"topic {worker.topics.user_interactions} has 3 partitions, expected 4" in worker.log
    assert "Traceback" not in worker.log


async def test_a_setting_that_can_not_be_is_a_contradiction_too(broker: str, tmp_path: Path) -> None:
    worker = Worker(broker, tmp_path, user_partitions=0)
    worker.spawn()
    assert await worker.ended(within_s=30.0) == 78
    assert "TASTESTREAM_USER_PARTITIONS" in worker.log


async def test_a_data_folder_that_can_not_be_made_is_a_contradiction_too(broker: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    worker = Worker(broker, tmp_path, data_path=tmp_path / "file" / "data")
    worker.spawn()
    assert await worker.ended(within_s=30.0) == 78
    assert "TASTESTREAM_DATA_PATH" in worker.log


async def test_a_mapping_file_that_can_not_be_used_is_a_contradiction_too(broker: str, tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text('{"interaction": {"fields": {"sku": "colour"}}}')
    worker = Worker(broker, tmp_path, mapping_file=file)
    worker.spawn()
    assert await worker.ended(within_s=30.0) == 78
    assert f"mapping file {file}: 'sku' → 'colour' is not a field" in worker.log


@pytest.mark.parametrize("running", [True, False], ids=["while the worker runs", "while it does not"])
async def test_a_topic_deleted_and_created_again_is_noticed_before_its_events_are_taken_for_old_ones(
    broker: str, tmp_path: Path, running: bool
) -> None:
    worker = Worker(broker, tmp_path, instance_id="one")
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            await shop.publish_events(*(event(f"u{n}", "a") for n in range(40)))
            if not running:
                assert await worker.stop() == 0
            await _recreate(broker, worker.topics.user_interactions)
            if not running:
                worker.spawn()
            assert await worker.ended(within_s=60.0) != 0
        # Who is faster decides whether a running worker sees it gone, or another in its place.
        assert "was deleted" in worker.log and "created again" in worker.log
    finally:
        worker.kill()


async def test_a_worker_waits_for_a_broker_that_is_not_there_yet(own_broker: Broker, tmp_path: Path) -> None:
    worker = Worker(own_broker.bootstrap, tmp_path / "worker")
    try:
        worker.spawn()
        await until(lambda: "can't prepare the topics" in worker.log)
        own_broker.start()
        await worker.until_ready()
        async with open_shop(worker) as shop:
            await shop.publish_items(item("a"), item("b"))
            await shop.publish_events(event("u", "a"))
            assert await shop.ids(user_id="u") == ["b"]
        assert await worker.stop() == 0
    finally:
        worker.kill()


async def test_a_broker_that_goes_away_while_events_are_folded_costs_nothing(
    own_broker: Broker, tmp_path: Path
) -> None:
    own_broker.start()
    worker = Worker(own_broker.bootstrap, tmp_path / "worker", instance_id="one", chunk_records=40)
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            await shop.publish_items(*catalog())
            made = [(one["user_id"], one) for one in events(EVENTS, seed=5)]
            await shop.publish(shop.topics.user_interactions, made)
            await asyncio.to_thread(own_broker.stop)
            await asyncio.to_thread(own_broker.start)
            await _back(worker)
            await until_all_committed(worker, deadline_s=90.0)
            await check_state(worker, EVENTS)
        assert await worker.stop() == 0
    finally:
        worker.kill()


async def test_a_worker_whose_broker_is_gone_for_good_ends_in_time_when_told(
    own_broker: Broker, tmp_path: Path
) -> None:
    own_broker.start()
    worker = Worker(own_broker.bootstrap, tmp_path / "worker", chunk_records=40)
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            made = [(one["user_id"], one) for one in events(5 * EVENTS, seed=5)]
            await shop.publish(shop.topics.user_interactions, made)
        await asyncio.to_thread(own_broker.kill)
        assert await worker.stop(within_s=12.0) in (0, 1)
    finally:
        worker.kill()


async def test_a_worker_without_a_broker_gives_up_after_its_patience(own_broker: Broker, tmp_path: Path) -> None:
    worker = Worker(own_broker.bootstrap, tmp_path / "worker", patience_s=2, topic_prefix=unique_name("x"))
    worker.spawn()
    assert await worker.ended(within_s=30.0) == 1
    assert "is it up?" in worker.log


TRUNCATED = ItemRow().pack()[:3]
OF_ANOTHER_VERSION = TRUNCATED[:1] + b"\x01" + TRUNCATED[2:]


@pytest.mark.parametrize(
    ("value", "said"),
    [(b"{}", "is unreadable"), (TRUNCATED, "is unreadable"), (OF_ANOTHER_VERSION, "state is of version 1")],
)
async def test_a_changelog_with_a_record_that_is_no_row_is_not_misread(
    broker: str, tmp_path: Path, value: bytes, said: str
) -> None:
    worker = Worker(broker, tmp_path)
    try:
        await worker.start()
        assert await worker.stop() == 0
        await write(broker, worker.topics.item_state_changelog, [value], key=b"someone")
        worker.spawn()
        assert await worker.ended(within_s=30.0) == 78
        last = worker.log.splitlines()[-1]
        assert "'someone'" in last and worker.topics.item_state_changelog in last
        assert said in last
    finally:
        worker.kill()


@pytest.mark.timeout(240)
async def test_unreadable_rows_are_healed_by_the_command_that_the_worker_names(broker: str, tmp_path: Path) -> None:
    worker = Worker(broker, tmp_path)
    settings = load_settings(**worker.settings)  # type: ignore[arg-type]
    items, users = worker.topics.item_state_changelog, worker.topics.user_state_changelog
    malformed = {(items, b"\xff\xfe"): b"junk", (items, EVICTED_KEY): b"F", (users, BEGUN_KEY): b""}
    malformed[users, b"two words"] = b"{}"
    malformed[users, b"of version 99"] = UserState().pack()[:1] + b"\x63"
    positions = {}
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            await shop.publish_items(item("known"))
            await shop.publish_events(event("kept", "known"))
        with pytest.raises(ConfigurationError, match="has members"):
            await drop_row(settings, items, "known", None)
        assert await worker.stop() == 0
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            for (topic, key), value in malformed.items():
                written = await producer.send_and_wait(topic, value, key=key, partition=1)
                positions[topic, key] = (1, written.offset)
        with pytest.raises(ConfigurationError, match="can be read"):
            await drop_row(settings, items, "known", None)
        worker.spawn()
        assert await worker.ended(within_s=40.0) == 78
        [named] = re.findall(r"`tastestream (state drop [^`]+)`", worker.log.splitlines()[-1])
        healed = await tastestream(worker, *shlex.split(named))
        assert healed.code == 0 and "starts from nothing" in healed.text, healed.text
        for (topic, _), position in positions.items():
            if named != f"state drop {topic} --at 1:{position[1]}":
                assert "starts from nothing" in await drop_row(settings, topic, None, position)
        with pytest.raises(ConfigurationError, match="nothing to do"):
            await drop_row(settings, topic, None, position)
        await worker.start()
        async with open_shop(worker) as shop:
            assert "known" not in await shop.ids(user_id="kept")
            assert "known" in await shop.ids(user_id="another")
    finally:
        worker.kill()


async def _back(worker: Worker) -> None:
    """The worker lives on, or ended with a failure and is started again, as a supervisor would."""
    if worker.exit_code is not None:
        assert worker.exit_code != 0
        worker.spawn()
    await worker.until_ready()


async def _recreate(broker: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.delete_topics([topic])

        async def created() -> bool:
            answer = await admin.create_topics([NewTopic(topic, 4, 1)])
            return not any(error[1] for error in answer.topic_errors)

        await until(created)
    finally:
        await admin.close()
