"""Clients of any library, each a process of its own: what they publish counts once, and they get their replies."""

import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.clients.processes import example, kcat_environment, run, script
from tests.worker.builders import item
from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop, until_committed
from workers.stream.partitioning import partition_of

ITEMS, PARTITIONS, USERS = 12, 4, 24


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(broker: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A worker with a small catalog; `open_shop` makes the topic `shop-replies`, too."""
    worker = await Worker(broker, tmp_path_factory.mktemp("clients")).start()
    try:
        async with open_shop(worker) as client:
            await client.publish_items(*(item(f"i{n}") for n in range(ITEMS)))
            yield client
        assert await worker.stop() == 0, worker.log[-4000:]
    finally:
        worker.kill()


def environment(shop: Shop, **more: str) -> dict[str, str]:
    return {"KAFKA": shop.worker.bootstrap, "TASTESTREAM_TOPIC_PREFIX": shop.topics.prefix, **more}


async def folded(shop: Shop) -> None:
    """All events took effect, forwarded ones and their evidence included."""
    for topic in (shop.topics.user_interactions, shop.topics.interactions_rerouted, shop.topics.item_transitions):
        await until_committed(shop.worker, topic)


async def counted(shop: Shop) -> dict[str, float]:
    outcomes = ("applied", "rerouted", "duplicate", "dead_letter")
    return {one: await shop.worker.value("tastestream_events_total", outcome=one) for one in outcomes}


def check(reply: dict[str, Any], seen: str) -> None:
    assert len(reply["items"]) == 5, reply
    assert seen not in {found["item_id"] for found in reply["items"]}


@pytest.mark.parametrize(
    ("name", "user", "partitioner"),
    [("aiokafka", "py", {}), ("confluent", "cf", {}), ("confluent", "crc", {"PARTITIONER": "consistent_random"})],
)
async def test_the_pages_python_examples_publish_ask_and_get_an_answer_that_holds_their_event(
    shop: Shop, tmp_path: Path, name: str, user: str, partitioner: dict[str, str]
) -> None:
    before = await counted(shop)
    said = await run(example(name, tmp_path), user, "i3", **environment(shop, **partitioner))
    check(orjson.loads(said), "i3")
    await folded(shop)
    after = await counted(shop)
    foreign = bool(partitioner) and _crc32(user) != partition_of(user, PARTITIONS)
    assert after["applied"] == before["applied"] + 1
    assert after["rerouted"] == before["rerouted"] + foreign


async def test_the_pages_command_creates_the_topic_for_replies_and_may_be_run_again(shop: Shop, tmp_path: Path) -> None:
    prefix = f"page{uuid4().hex[:6]}."
    command, settings = (
        example("topic", tmp_path),
        {
            "TASTESTREAM_BOOTSTRAP_SERVERS": shop.worker.bootstrap,
            "TASTESTREAM_TOPIC_PREFIX": prefix,
        },
    )
    assert await run(command, **settings) == f"created topic {prefix}shop-replies: 1 partition\n"
    assert await run(command, **settings) == f"topic {prefix}shop-replies exists already: 1 partition\n"


async def test_the_pages_kcat_example_publishes_asks_and_gets_its_answer(shop: Shop, tmp_path: Path) -> None:
    before = await counted(shop)
    said = await run(example("kcat", tmp_path), "shell", "i4", **environment(shop, **kcat_environment()))
    headers, body = said.split(" ", 1)
    assert headers.startswith("correlation_id=shell-")
    assert len(orjson.loads(body)["items"]) == 5
    await folded(shop)
    assert await counted(shop) == {**before, "applied": before["applied"] + 1}
    assert "i4" not in await shop.ids(user_id="shell", limit=100)


@pytest.mark.parametrize(
    ("client", "how"),
    [
        ("publish_aiokafka", {"KEYS": "none"}),
        ("publish_aiokafka", {"KEYS": "wrong"}),
        ("publish_confluent", {"KEYS": "right"}),
        ("publish_confluent", {"KEYS": "right", "PARTITIONER": "murmur2_random"}),
        ("publish_confluent", {"KEYS": "none"}),
    ],
)
async def test_events_with_any_key_and_partitioner_reach_their_users_once(
    shop: Shop, client: str, how: dict[str, str]
) -> None:
    users = [f"{uuid4().hex[:6]}-{n}" for n in range(USERS)]
    before, ends = await counted(shop), len(await shop.read(shop.topics.user_interactions))
    await run(script(client), shop.topics.user_interactions, "i5", *users, **environment(shop, **how))
    await check_all_counted_once(shop, users, before, ends, how)


async def test_events_of_kcat_without_settings_reach_their_users_once(shop: Shop) -> None:
    kcat = kcat_environment()
    users = [f"{uuid4().hex[:6]}-{n}" for n in range(USERS)]
    before, ends = await counted(shop), len(await shop.read(shop.topics.user_interactions))
    lines = b"".join(b'%s|{"event_type":"view","item_id":"i5"}\n' % user.encode() for user in users)
    command = ["kcat", "-P", "-b", shop.worker.bootstrap, "-t", shop.topics.user_interactions, "-K", "|"]
    await run(["env", *command], stdin=lines, **environment(shop, **kcat))
    await check_all_counted_once(shop, users, before, ends, {"KEYS": "right"})


async def check_all_counted_once(
    shop: Shop, users: list[str], before: dict[str, float], ends: int, how: dict[str, str]
) -> None:
    await folded(shop)
    mine = [record for record in await shop.read(shop.topics.user_interactions) if _user(record) in set(users)]
    assert len(mine) == USERS
    foreign = sum(record.partition != partition_of(_user(record), PARTITIONS) for record in mine)
    if how == {"KEYS": "right"}:
        assert all(record.partition == _crc32(_user(record)) for record in mine)
    assert (foreign > 0) == (how.get("PARTITIONER") is None)
    after = await counted(shop)
    gained = {outcome: after[outcome] - before[outcome] for outcome in after}
    assert gained == {"applied": USERS, "rerouted": foreign, "duplicate": 0, "dead_letter": 0}
    for user in users[:5]:
        assert "i5" not in await shop.ids(user_id=user, limit=100)
    assert len(await shop.read(shop.topics.user_interactions)) == ends + USERS


def _user(record: Any) -> str:
    body = orjson.loads(record.value or b"{}")
    return str(body.get("user_id") or (record.key or b"").decode())


def _crc32(key: str) -> int:
    """librdkafka's default partitioner of keyed records."""
    return zlib.crc32(key.encode()) % PARTITIONS


async def test_springs_headers_come_back_byte_for_byte_to_a_client_over_librdkafka(shop: Shop) -> None:
    replies = f"{shop.topics.prefix}spring-{uuid4().hex[:6]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.worker.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(replies, 3, 1)])
    finally:
        await admin.close()
    correlation = (b"\x00\xff\x80" + uuid4().bytes).hex()
    arguments = (shop.topics.recommendation_requests, replies, "2", correlation, "spring")
    said = await run(script("ask_spring"), *arguments, **environment(shop))
    assert orjson.loads(said) == [2, "spring", correlation, 3]
