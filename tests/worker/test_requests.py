"""The reply contract: every request gets a reply where it asked for it, with its correlation bytes unchanged."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import orjson
import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.waiting import until
from tests.worker.builders import event, headers, item
from tests.worker.shop import Shop, other_partition
from workers.stream.chunk import Record

LARGE_TITLE = 50_000
BODY = orjson.dumps({"user_id": "u", "limit": 3})


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def catalog(shop: Shop) -> AsyncIterator[None]:
    await shop.publish_items(*(item(f"i{n}") for n in range(30)))
    await shop.publish_items(*(item(f"big{n}", title="t" * LARGE_TITLE, category="big") for n in range(40)))
    await shop.publish_events(*(event("u", f"i{n}") for n in range(5)))
    yield


def correlation() -> bytes:
    return uuid4().bytes


def body_of(reply: Record) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(reply.value or b"")
    return found


async def new_topic(shop: Shop, partitions: int = 1) -> str:
    name = f"{shop.topics.prefix}replies-{uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.worker.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()
    return name


async def delete_topic(shop: Shop, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.worker.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([name])

        async def gone() -> bool:
            return name not in await admin.list_topics()

        await until(gone)
    finally:
        await admin.close()


async def test_a_spring_client_gets_its_bytes_back_in_the_partition_that_it_reads(shop: Shop) -> None:
    topic, mine = await new_topic(shop, partitions=3), b"\x00\xff\x80" + correlation()
    await shop.request(
        BODY,
        b"u",
        headers(kafka_correlationId=mine, kafka_replyTopic=topic.encode(), kafka_replyPartition=(2).to_bytes(4, "big")),
    )
    reply = await shop.reply(topic, "kafka_correlationId", mine)
    assert (reply.partition, reply.key) == (2, b"u")
    assert len(body_of(reply)["items"]) == 3


async def test_plain_headers_are_honoured(shop: Shop) -> None:
    topic, mine = await new_topic(shop), correlation()
    await shop.request(BODY, b"u", headers(correlation_id=mine, reply_to=topic.encode()))
    assert len(body_of(await shop.reply(topic, "correlation_id", mine))["items"]) == 3


async def test_body_fields_are_honoured_and_the_correlation_comes_back_in_the_body(shop: Shop) -> None:
    topic = await new_topic(shop)
    body = {"user_id": "u", "reply_to": topic, "correlation_id": "order/17 ü"}
    await shop.request(orjson.dumps(body), b"u")
    await until(lambda: _holds(shop, topic, 1))
    [reply] = await shop.read(topic)
    assert body_of(reply)["correlation_id"] == "order/17 ü"


async def test_a_request_without_an_address_is_answered_on_the_default_topic(shop: Shop) -> None:
    mine = correlation()
    await shop.request(BODY, b"u", headers(correlation_id=mine))
    reply = await shop.reply(shop.topics.recommendation_replies, "correlation_id", mine)
    assert len(body_of(reply)["items"]) == 3


@pytest.mark.parametrize("topic", ["nowhere", "user-interactions", "__consumer_offsets", "no/topic", ""])
async def test_an_address_that_cannot_be_used_is_an_error_on_the_default_topic(shop: Shop, topic: str) -> None:
    mine = correlation()
    address = (shop.topics.prefix + topic if topic == "user-interactions" else topic).encode()
    await shop.request(BODY, b"u", headers(correlation_id=mine, reply_to=address))
    reply = await shop.reply(shop.topics.recommendation_replies, "correlation_id", mine)
    assert body_of(reply)["error"]["code"] == "reply_address_refused"


@pytest.mark.parametrize("partition", [b"\x00\x00\x00\x07", b"-1", b"\xff\xff\xff\xff", b""])
async def test_a_reply_partition_that_does_not_exist_is_an_error_on_the_default_topic(
    shop: Shop, partition: bytes
) -> None:
    topic, mine = await new_topic(shop), correlation()
    named = headers(kafka_correlationId=mine, kafka_replyTopic=topic.encode(), kafka_replyPartition=partition)
    await shop.request(BODY, b"u", named)
    reply = await shop.reply(shop.topics.recommendation_replies, "kafka_correlationId", mine)
    assert body_of(reply)["error"]["code"] == "reply_address_refused"


async def test_a_key_that_fills_a_record_by_itself_is_not_echoed_and_does_no_harm(shop: Shop) -> None:
    topic, mine = await new_topic(shop), correlation()
    key = b"k" * ((1 << 20) - 400)
    await shop.request(BODY, key, headers(correlation_id=mine, reply_to=topic.encode()))
    reply = await shop.reply(topic, "correlation_id", mine)
    assert (reply.key, body_of(reply)["error"]["code"]) == (None, "reply_too_large")
    assert len(await shop.ids(user_id="u", limit=3)) == 3


async def test_a_reply_topic_that_was_deleted_since_does_no_harm(shop: Shop) -> None:
    topic, first, second = await new_topic(shop), correlation(), correlation()
    await shop.request(BODY, b"u", headers(correlation_id=first, reply_to=topic.encode()))
    await shop.reply(topic, "correlation_id", first)
    await delete_topic(shop, topic)
    await shop.request(BODY, b"u", headers(correlation_id=second, reply_to=topic.encode()))
    assert len(await shop.ids(user_id="u", limit=3)) == 3
    reply = await shop.reply(shop.topics.recommendation_replies, "correlation_id", second)
    assert body_of(reply)["error"]["code"] == "reply_address_refused"


MALFORMED = {
    "nothing": b"",
    "null": b"null",
    "binary": b"\x00\xff\xfe",
    "no object": b"[1,2]",
    "torn": b'{"user_id":"u"',
    "nan": b'{"user_id":"u","diversity":NaN}',
    "infinite": b'{"user_id":"u","diversity":1e999}',
    "limit too large": b'{"user_id":"u","limit":101}',
    "limit no number": b'{"user_id":"u","limit":"many"}',
    "nobody": b"{}",
    "unknown kind": b'{"kind":"astrology","user_id":"u"}',
    "field of another kind": b'{"kind":"trending","text":"red"}',
    "nothing to search for": b'{"kind":"search","text":" ... "}',
    "text too long": orjson.dumps({"kind": "search", "text": "x" * 1_001}),
    "torn page": b'{"user_id":"u","next":"AAAA"}',
    "kind no text": b'{"kind":{"a":1},"user_id":"u"}',
    "no items": b'{"kind":"similar_items"}',
    "unknown filter": b'{"user_id":"u","filters":{"colour":"red"}}',
    "bad field of a filter": b'{"user_id":"u","filters":{"attributes":{"a b":"c"}}}',
    "nested": b'{"user_id":"u","exclude":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "nested within bounds": b'{"user_id":"u","exclude":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "nested address": b'{"user_id":"u","reply_to":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "huge": b"x" * 1_040_000,
    "too many excluded": orjson.dumps({"user_id": "u", "exclude": [f"i{n}" for n in range(10_001)]}),
    "endless deadline": b'{"user_id":"u","deadline_ms":1e300}',
    "huge number": b'{"user_id":"u","limit":' + b"9" * 400 + b"}",
}


@pytest.mark.parametrize("what", MALFORMED)
async def test_a_malformed_request_gets_an_error_with_its_correlation(shop: Shop, what: str) -> None:
    mine = correlation()
    await shop.request(MALFORMED[what], None, headers(correlation_id=mine), partition=1)
    reply = await shop.reply(shop.topics.recommendation_replies, "correlation_id", mine)
    error = body_of(reply)["error"]
    assert error["code"] not in ("", "internal_error") and error["message"]


async def test_a_kind_that_is_not_supported_is_named(shop: Shop) -> None:
    reply = await shop.ask(kind="astrology", user_id="u")
    assert reply["error"]["code"] == "unsupported_kind"
    assert "astrology" in reply["error"]["message"]


async def test_a_request_in_a_foreign_partition_is_answered_from_the_users_own_row(shop: Shop) -> None:
    mine = correlation()
    await shop.request(BODY, b"u", headers(correlation_id=mine), partition=other_partition("u", 4))
    reply = await shop.reply(shop.topics.recommendation_replies, "correlation_id", mine)
    assert body_of(reply)["as_of"] is not None


async def test_an_answer_holds_the_users_own_event_from_a_foreign_partition(shop: Shop) -> None:
    for number in range(10):
        user = f"astray-{number}"
        partition, offset = await shop.send(
            shop.topics.user_interactions, orjson.dumps(event(user, "i7")), partition=other_partition(user, 4)
        )
        own = {"partition": partition, "offset": offset}
        assert "i7" not in await shop.ids(user_id=user, limit=30, min_offset=own)


async def test_a_deadline_that_has_passed_is_an_error_and_is_counted(shop: Shop) -> None:
    mine, labels = correlation(), {"kind": "for_user", "stage": "total", "outcome": "deadline_passed"}
    before = await shop.worker.value("tastestream_request_duration_seconds_count", **labels)
    record = await shop.send(
        shop.topics.recommendation_requests,
        orjson.dumps({"user_id": "u", "deadline_ms": 1_000}),
        b"u",
        headers(correlation_id=mine),
        timestamp_ms=1_700_000_000_000,
    )
    assert record
    reply = await shop.reply(shop.topics.recommendation_replies, "correlation_id", mine)
    assert body_of(reply)["error"]["code"] == "deadline_passed"

    async def counted() -> bool:
        return await shop.worker.value("tastestream_request_duration_seconds_count", **labels) == before + 1

    await until(counted)


async def test_an_event_that_never_comes_is_not_waited_for_beyond_the_deadline(shop: Shop) -> None:
    reply = await shop.ask(user_id="u", min_offset={"partition": 0, "offset": 10**15}, deadline_ms=300)
    assert reply["error"]["code"] == "deadline_passed"


async def test_waiting_for_an_event_is_bounded_whatever_the_deadline(shop: Shop) -> None:
    reply = await shop.ask(user_id="u", min_offset={"partition": 0, "offset": 10**15}, deadline_ms=3_600_000)
    assert reply["error"]["code"] == "deadline_passed"


async def test_a_reply_too_large_for_kafka_is_an_error_and_the_worker_lives(shop: Shop) -> None:
    reply = await shop.ask(user_id="nobody", limit=40, filters={"category": "big"})
    assert reply["error"]["code"] == "reply_too_large"
    assert len(await shop.ids(user_id="nobody", limit=10, filters={"category": "big"})) == 10


async def test_each_of_many_requests_at_once_gets_its_own_reply(shop: Shop) -> None:
    users = [f"guest-{n}" for n in range(200)]
    replies = await asyncio.gather(*(shop.ask(user_id=user, limit=1, scenario=user) for user in users))
    assert [reply["scenario"] for reply in replies] == users
    assert len({reply["recommendation_id"] for reply in replies}) == len(users)


async def test_what_was_shown_is_on_the_served_topic(shop: Shop) -> None:
    shown = await shop.ask(user_id="u", limit=4)
    [line] = await shop.served(shown)
    assert [position["item_id"] for position in line["items"]] == [found["item_id"] for found in shown["items"]]


async def _holds(shop: Shop, topic: str, count: int) -> bool:
    return len(await shop.read(topic)) == count
