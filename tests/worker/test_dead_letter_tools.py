"""Letters listed, shown and replayed by the command against a real worker: each counts once."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest_asyncio

from tests.worker.builders import event, headers, item
from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop, other_partition
from tests.worker.tool import Ran, tastestream
from workers.admin.dead_letters.letter import Letter
from workers.admin.dead_letters.sender import letter_sender
from workers.admin.dead_letters.store import letter_ranges, read_letters
from workers.items.catalog_log import FIRST_PLACE_HEADER
from workers.stream.bounded_read import topic_reader
from workers.stream.chunk import Record
from workers.topics import Topics

MAPPING = '{"interaction": {"events": {"PDP_SEEN": "view"}}, "item": {"fields": {"label": "title"}}}'
LAST_WEEK_MS = 600_000_000
OLD_MS = 1_600_000_000_000
EVENTS = 12


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def repaired(broker: str, folder: Path) -> AsyncIterator[Shop]:
    """A worker that refused records of several kinds, and then got a mapping that understands some of them."""
    worker = Worker(broker, folder)
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            await _refuse_some(shop)
            assert await worker.stop() == 0, worker.log[-4000:]
            mapping = folder / "mapping.json"
            mapping.write_text(MAPPING)
            worker.settings["mapping_file"] = mapping
            await worker.start()
            yield shop
        assert await worker.stop() == 0, worker.log[-4000:]
    finally:
        worker.kill()


async def _refuse_some(shop: Shop) -> None:
    topics = shop.topics
    await shop.publish_items(*(item(f"i{n}") for n in range(EVENTS + 4)))
    for number in range(EVENTS):
        body = orjson.dumps(event(f"u{number}", f"i{number}", "PDP_SEEN"))
        key, named = f"u{number}".encode(), headers(trace=b"\xfe%d" % number)
        await shop.send(topics.user_interactions, body, key, named, timestamp_ms=OLD_MS + number)
    astray = orjson.dumps(event("astray", "i1", "PDP_SEEN"))
    await shop.send(topics.user_interactions, astray, b"astray", partition=other_partition("astray", 4))
    await shop.send(topics.user_interactions, b"\xff\x00 torn", b"u0")
    await shop.send(topics.item_catalog, orjson.dumps({"item_id": "i1", "price": "cheap"}), b"i1")
    copied, position = orjson.dumps(item("elsewhere", title="Found")), ((FIRST_PLACE_HEADER, b"0:7"),)
    await shop.send(topics.item_catalog, copied, b"elsewhere", position, partition=other_partition("elsewhere", 4))
    await shop.until_folded()


async def dlq(shop: Shop, *arguments: str, typed: str = "") -> Ran:
    return await tastestream(shop.worker, "dlq", *arguments, typed=typed)


async def letters(shop: Shop) -> list[Letter]:
    topics: Topics = shop.topics
    async with topic_reader({"bootstrap_servers": shop.worker.bootstrap}) as reader:
        ranges = await letter_ranges(reader, topics, None)
        return [letter async for letter in read_letters(reader, topics, ranges, lambda _: None)]


def counts(ran: Ran) -> dict[tuple[str, str], tuple[str, str]]:
    """(topic without its prefix, reason) → (open, replayed), from the first table."""
    assert ran.code == 0, ran.text
    table = ran.text.split("newest that are open")[0]
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if line.startswith("│")]
    return {(topic.split(".")[-1], reason): (open_, replayed) for topic, reason, open_, replayed, *_ in rows}


REFUSED = ("user-interactions", "unknown_event_type")
ALL = {
    REFUSED: (str(EVENTS + 1), "0"),
    ("user-interactions", "invalid_json"): ("1", "0"),
    ("item-catalog", "wrong_type"): ("1", "0"),
    ("item-catalog", "wrong_partition"): ("1", "0"),
}


async def test_list_counts_by_topic_and_reason_and_its_filters_narrow(repaired: Shop) -> None:
    assert counts(await dlq(repaired, "list")) == ALL
    assert counts(await dlq(repaired, "list", "--topic", "item-catalog", "--reason", "wrong_type")) == {
        ("item-catalog", "wrong_type"): ("1", "0")
    }
    assert counts(await dlq(repaired, "list", "--key", "u7", "--since", "1h")) == {REFUSED: ("1", "0")}
    assert counts(await dlq(repaired, "list", "--text", "CHEAP")) == {("item-catalog", "wrong_type"): ("1", "0")}
    nothing = await dlq(repaired, "list", "--until", "2020-01-01T00:00:00Z")
    assert (nothing.code, nothing.text.strip()) == (0, "no such letters")


async def test_a_letter_is_as_old_as_its_refusal_and_remembers_its_records_time(repaired: Shop) -> None:
    [letter] = [one for one in await letters(repaired) if one.key == b"u3"]
    assert letter.time_ms == OLD_MS + 3
    assert letter.refused_at_ms > OLD_MS + LAST_WEEK_MS


async def test_show_prints_one_letter_whole_and_saves_its_bytes(repaired: Shop, tmp_path: Path) -> None:
    [malformed] = [one for one in await letters(repaired) if one.reason == "invalid_json"]
    shown = await dlq(repaired, "show", malformed.name, "--save", str(tmp_path / "value"))
    assert shown.code == 0, shown.text
    assert "ff 00 20 74 6f 72 6e" in shown.text and str(malformed.position) in shown.text and "a replay" in shown.text
    assert (tmp_path / "value").read_bytes() == b"\xff\x00 torn"
    missing = await dlq(repaired, "show", "0:999999")
    assert missing.code == 2 and "there is no letter 0:999999" in missing.text


async def test_a_dry_run_and_a_no_send_nothing(repaired: Shop) -> None:
    before = len(await repaired.read(repaired.topics.user_interactions))
    tried = await dlq(repaired, "replay", "--reason", "unknown_event_type", "--dry-run")
    assert tried.code == 0 and "nothing was sent" in tried.text
    refused = await dlq(repaired, "replay", "--reason", "unknown_event_type", typed="n\n")
    assert refused.code == 1 and f"Replay {EVENTS + 1} letters?" in refused.text
    assert len(await repaired.read(repaired.topics.user_interactions)) == before


async def test_replayed_events_count_once_however_often_they_are_sent(repaired: Shop) -> None:
    mine = [one for one in await letters(repaired) if one.reason == "unknown_event_type"]
    sent = await dlq(repaired, "replay", "--reason", "unknown_event_type", "--yes", "--rate", "1000")
    assert sent.code == 0 and f"replayed {EVENTS + 1} letters" in sent.text, sent.text
    again = await dlq(repaired, "replay", "--reason", "unknown_event_type", "--yes")
    assert (again.code, again.text.strip().splitlines()) == (0, ["no such letters", "replayed 0 letters"])
    options = {"bootstrap_servers": repaired.worker.bootstrap}
    async with letter_sender(options, repaired.topics, 1000.0) as sender:  # as if the first had left no note
        assert await sender.send(mine) == []
    await repaired.until_folded()
    applied = await repaired.worker.value("tastestream_events_total", type="view", outcome="applied")
    doubled = await repaired.worker.value("tastestream_events_total", type="view", outcome="duplicate")
    assert (applied, doubled) == (EVENTS + 1, EVENTS + 1)


async def test_a_replayed_event_happened_when_its_record_did_and_kept_its_headers(repaired: Shop) -> None:
    reply = await repaired.ask(user_id="u3")
    assert reply["as_of"]["event_time"] == OLD_MS + 3
    assert "i3" not in [found["item_id"] for found in reply["items"]]
    sent = await repaired.read(repaired.topics.user_interactions)
    [replayed, *_] = [one for one in sent if one.key == b"u3" and b"tastestream" in _names(one)]
    assert dict(replayed.headers)["trace"] == b"\xfe3" and replayed.timestamp == OLD_MS + 3


def _names(record: Record) -> bytes:
    return b" ".join(name.encode() for name, _ in record.headers)


async def test_a_replayed_event_of_a_foreign_partition_reaches_its_user(repaired: Shop) -> None:
    assert "i1" not in await repaired.ids(user_id="astray", limit=100)


async def test_a_replayed_item_goes_to_the_partition_of_its_key(repaired: Shop) -> None:
    sent = await dlq(repaired, "replay", "--reason", "wrong_partition")
    assert "replayed 1 letter\n" in sent.text, sent.text
    await repaired.until_folded()
    assert "elsewhere" in await repaired.ids(user_id="nobody", limit=100)


async def test_what_fails_again_comes_back_with_its_second_attempt(repaired: Shop) -> None:
    [malformed] = [one for one in await letters(repaired) if one.reason == "invalid_json"]
    assert "replayed 1 letter\n" in (await dlq(repaired, "replay", malformed.name)).text
    await repaired.until_folded()
    first, second = [one for one in await letters(repaired) if one.reason == "invalid_json"]
    assert (second.attempt, second.origin, second.headers) == (2, first.position, first.headers)
    assert second.position != first.position
    listed = await dlq(repaired, "list", "--reason", "invalid_json")
    assert counts(listed) == {("user-interactions", "invalid_json"): ("1", "1")}
    assert "no such letters" in (await dlq(repaired, "replay", "--reason", "invalid_json", "--max-attempt", "1")).text


async def test_a_broker_that_is_away_is_one_message(repaired: Shop) -> None:
    lonely = Worker("127.0.0.1:1", repaired.worker.folder)
    ran = await tastestream(lonely, "dlq", "list")
    assert ran.code == 1
    assert "can't be used" in ran.text and "Traceback" not in ran.text
