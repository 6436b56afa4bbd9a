"""Bad input of every kind becomes a dead letter as it came, and its good neighbours take effect."""

import math
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
import pytest
import pytest_asyncio

from tests.waiting import until
from tests.worker.builders import event, headers, item
from tests.worker.shop import Shop, other_partition, read_all
from workers.items.catalog_log import FIRST_PLACE_HEADER
from workers.records.out import Headers
from workers.stream.chunk import Record
from workers.stream.partitioning import partition_of

JUNK = b"\x00\xff\xfe\x01 junk"
NESTED = b"[" * 10_000 + b"]" * 10_000
DEEP = b"[" * 1_000 + b"]" * 1_000
HUGE = b"x" * 1_040_000
DIM = 256
OLD = headers(**{"tastestream.reason": b"wrong_type", "tastestream.attempt": b"2", "trace": b"\xfe"})
CONNECT = ("topic", "partition", "offset", "stage", "exception.class.name", "exception.message", "exception.stacktrace")


@dataclass(frozen=True)
class Bad:
    """A record that can't be used; sent in the partition of `key` unless `partition` says otherwise."""

    value: bytes | None
    key: bytes | None = b"k"
    headers: Headers = ()
    partition: int | None = field(default=None)


def vector_item(*components: float) -> bytes:
    return orjson.dumps(item("k", vector=components))


BAD_ITEMS = {
    "junk": Bad(JUNK),
    "empty": Bad(b""),
    "torn": Bad(b'{"item_id":"k"'),
    "no object": Bad(b'"text"'),
    "nested": Bad(b'{"item_id":"k","attributes":{"a":' + NESTED + b"}}"),
    "deep": Bad(b'{"item_id":"k","attributes":{"a":' + DEEP + b"}}"),
    "huge": Bad(HUGE),
    "huge text": Bad(orjson.dumps(item("k", description="x" * 1_000_000))),
    "nan": Bad(b'{"item_id":"k","price":NaN}'),
    "infinite": Bad(b'{"item_id":"k","price":1e999}'),
    "price no number": Bad(orjson.dumps(item("k", price="cheap"))),
    "tags no list": Bad(orjson.dumps(item("k", tags={"a": 1}))),
    "wrong dimension": Bad(vector_item(*[0.5] * (DIM - 1))),
    "zero vector": Bad(vector_item(*[0.0] * DIM)),
    "vector of texts": Bad(orjson.dumps(item("k", vector=["a"] * DIM))),
    "payload too large": Bad(orjson.dumps(item("k", title="t" * 60_000, attributes={"a": "b" * 10_000}))),
    "no id": Bad(orjson.dumps({"title": "t"}), b"\xff\xff"),
    "id of control characters": Bad(orjson.dumps(item("a\nb"))),
    "tombstone of a binary key": Bad(None, b"\xff\xfe"),
    "a foreign partition for the second time": Bad(
        orjson.dumps(item("k")), headers=((FIRST_PLACE_HEADER, b"0:7"),), partition=other_partition("k", 4)
    ),
    "an old letter": Bad(JUNK, headers=OLD),
}
BAD_EVENTS = {
    "junk": Bad(JUNK),
    "null": Bad(None),
    "empty": Bad(b""),
    "no object": Bad(b"[]"),
    "nested": Bad(b'{"event_type":"view","item_id":' + NESTED + b"}"),
    "deep": Bad(b'{"event_type":"view","item_id":"i","items":' + DEEP + b"}"),
    "huge": Bad(HUGE),
    "huge number": Bad(b'{"event_type":"view","item_id":' + b"9" * 5_000 + b"}"),
    "nan": Bad(b'{"event_type":"rating","item_id":"i","value":NaN}'),
    "infinite": Bad(b'{"event_type":"rating","item_id":"i","value":1e999}'),
    "value no number": Bad(orjson.dumps(event("k", "i", "rating", value="good"))),
    "unknown type": Bad(orjson.dumps(event("k", "i", "teleport"))),
    "no item": Bad(orjson.dumps({"event_type": "view", "user_id": "k"})),
    "nobody": Bad(orjson.dumps({"event_type": "view", "item_id": "i"}), None, partition=0),
    "binary key": Bad(orjson.dumps({"event_type": "view", "item_id": "i"}), b"\xff\xff"),
    "time without zone": Bad(orjson.dumps(event("k", "i", event_time="2024-01-01T00:00:00"))),
    "time out of range": Bad(orjson.dumps(event("k", "i", event_time=-5))),
    "an old letter": Bad(JUNK, headers=OLD),
}
BAD_EVIDENCE = {
    "junk": Bad(JUNK),
    "null": Bad(None),
    "empty": Bad(b""),
    "json": Bad(b"{}"),
    "of another version": Bad(b"E\x63" + b"\x00" * 60),
    "torn": Bad(b"E\x01" + b"\x01" * 20),
    "huge": Bad(HUGE),
}
SENT = {"item-catalog": BAD_ITEMS, "user-interactions": BAD_EVENTS, "item-transitions": BAD_EVIDENCE}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def letters(shop: Shop) -> AsyncIterator[dict[tuple[str, str], tuple[Bad, Record | None]]]:
    """Each bad record sent between good neighbours, and its letter by topic and kind."""
    await shop.publish_items(item("known"))
    await shop.publish_events(event("someone", "known"))
    offsets: dict[tuple[str, str], tuple[str, int, int]] = {}
    for topic, cases in SENT.items():
        for number, (kind, bad) in enumerate(cases.items()):
            name = shop.topics.prefix + topic
            await _good_neighbour(shop, topic, number)
            offsets[topic, kind] = (name, *await shop.send(name, bad.value, bad.key, bad.headers, bad.partition))
    await _good_neighbour(shop, "item-catalog", 99)
    await _good_neighbour(shop, "user-interactions", 99)
    await shop.until_folded()
    by_origin = {_origin(letter): letter for letter in await read_all(shop.worker.bootstrap, shop.topics.dead_letters)}
    yield {case: (SENT[case[0]][case[1]], by_origin.get(offsets[case])) for case in offsets}


async def _good_neighbour(shop: Shop, topic: str, number: int) -> None:
    if topic == "item-catalog":
        good = item(f"good-{number}", category="good")
        await shop.send(shop.topics.item_catalog, orjson.dumps(good), good["item_id"].encode())
    else:
        for user in ("k", f"neighbour-{number}"):
            body = orjson.dumps(event(user, "known", event_id=f"{topic}-{number}"))
            await shop.send(shop.topics.user_interactions, body, user.encode())


def _origin(letter: Record) -> tuple[str, int, int]:
    named = {name: content.decode() for name, content in letter.headers if content and name.startswith("__connect")}
    position = (named[f"__connect.errors.{part}"] for part in ("topic", "partition", "offset"))
    topic, partition, offset = position
    return topic, int(partition), int(offset)


Letters = dict[tuple[str, str], tuple[Bad, Record | None]]


@pytest.mark.parametrize(("topic", "kind"), [(topic, kind) for topic, cases in SENT.items() for kind in cases])
async def test_a_bad_record_is_a_dead_letter_with_its_own_bytes(letters: Letters, topic: str, kind: str) -> None:
    bad, letter = letters[topic, kind]
    assert letter is not None, f"no letter for {kind} on {topic}"
    assert (letter.key, letter.value) == (bad.key, bad.value)
    named = dict(letter.headers)
    assert all(named.get(f"__connect.errors.{part}") for part in CONNECT)
    assert named["tastestream.attempt"] == (b"3" if bad.headers == OLD else b"1")
    assert named.get("trace") == dict(bad.headers).get("trace")


async def test_there_are_no_other_letters(shop: Shop, letters: Letters) -> None:
    found = await read_all(shop.worker.bootstrap, shop.topics.dead_letters)
    assert len(found) == len(letters)


async def test_good_neighbours_take_effect(shop: Shop, letters: Letters) -> None:
    good = {f"good-{number}" for number in [*range(len(BAD_ITEMS)), 99]}
    assert set(await shop.ids(user_id="nobody", limit=100, filters={"category": "good"})) == good
    for number in (0, len(BAD_EVENTS) - 1, 99):
        assert "known" not in await shop.ids(user_id=f"neighbour-{number}", limit=100)


async def test_letters_are_counted_by_topic_and_reason(shop: Shop, letters: Letters) -> None:
    reasons = Counter(
        (topic, dict(letter.headers)["tastestream.reason"]) for (topic, _), (_, letter) in letters.items() if letter
    )
    for (topic, reason), count in reasons.items():
        labels = {"topic": shop.topics.prefix + topic, "reason": (reason or b"").decode()}
        assert await shop.worker.value("tastestream_dead_letters_total", **labels) == count


async def test_an_event_far_in_the_future_counts_at_its_records_time_and_is_counted(shop: Shop) -> None:
    before = await shop.worker.value("tastestream_future_events_total")
    await shop.publish_events(event("dreamer", "known", event_time=4_000_000_000_000), event("dreamer", "good-0"))
    reply = await shop.ask(user_id="dreamer")
    assert reply["as_of"]["event_time"] < 3_000_000_000_000
    assert await shop.worker.value("tastestream_future_events_total") == before + 1


async def test_an_event_in_a_foreign_partition_reaches_its_user_once(shop: Shop) -> None:
    assert "known" in await shop.ids(user_id="astray", limit=100)
    body = orjson.dumps(event("astray", "known"))
    await shop.send(shop.topics.user_interactions, body, b"astray", partition=other_partition("astray", 4))

    async def arrived() -> bool:
        return "known" not in await shop.ids(user_id="astray", limit=100)

    await until(arrived)
    assert await shop.worker.value("tastestream_events_total", outcome="rerouted") == 1


async def test_every_promised_metric_is_there_with_bounded_labels(shop: Shop, letters: Letters) -> None:
    await shop.ids(user_id="k")
    families = await shop.worker.metrics()
    assert set(families) >= PROMISED
    labels = {
        (family.name, label): {sample.labels.get(label) for sample in family.samples}
        for family in families.values()
        for label in {name for sample in family.samples for name in sample.labels} - {"le"}
    }
    assert max(len(found) for found in labels.values()) < 40
    everything = " ".join(str(content) for found in labels.values() for content in found)
    assert "neighbour" not in everything and "teleport" not in everything
    assert all(
        math.isfinite(sample.value)
        for family in families.values()
        for sample in family.samples
        if "tastestream" in sample.name
    )


PROMISED = {
    "tastestream_events",
    "tastestream_dead_letters",
    "tastestream_event_freshness_seconds",
    "tastestream_event_lateness_seconds",
    "tastestream_request_duration_seconds",
    "tastestream_replies",
    "tastestream_consumer_lag_records",
    "tastestream_state_entries",
}


async def test_each_stage_of_a_request_is_timed(shop: Shop) -> None:
    took = (await shop.ask(user_id="k"))["took_ms"]
    for stage in ("hydrate", "retrieve", "filter", "features", "rank", "explain"):
        assert stage in took
        assert await shop.worker.value("tastestream_request_duration_seconds_count", kind="for_user", stage=stage) > 0


async def test_lag_falls_to_zero_once_all_is_folded(shop: Shop, letters: Letters) -> None:
    await shop.publish_events(*(event(f"flood-{n}", "known") for n in range(300)))
    topic = shop.topics.user_interactions

    async def nothing_left() -> bool:
        return await shop.worker.value("tastestream_consumer_lag_records", topic=topic) == 0

    await until(nothing_left)
    [lag] = [f for f in (await shop.worker.metrics()).values() if f.name == "tastestream_consumer_lag_records"]
    found = {sample.labels["partition"] for sample in lag.samples if sample.labels["topic"] == topic}
    assert found == {str(partition_of(f"flood-{n}", 4)) for n in range(300)}


async def test_the_worker_is_alive_after_all_of_it(shop: Shop, letters: Letters) -> None:
    assert await shop.worker.status("/healthz") == 200
    assert await shop.worker.status("/readyz") == 200
    assert shop.worker.exit_code is None
