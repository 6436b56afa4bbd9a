"""The catalog's topic stays a true copy of the catalog, whatever clients publish and Kafka compacts."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agents.catalog_topic import CatalogTopic, entries
from tests.agents.dependencies import DIM, partition_for, running_deps
from workers.dead_letters.origin import ORIGIN_HEADER
from workers.dead_letters.writer import REASON_HEADER
from workers.items.catalog_log import FIRST_PLACE_HEADER, STATED_HEADER
from workers.runtime.dependencies import Dependencies


def entry(deps: Dependencies, item_id: str) -> dict[str, object]:
    row = deps.items.entries.partitions[partition_for(item_id)].get(item_id)
    return {} if row is None else row.entry()


def counted(deps: Dependencies, outcome: str) -> float:
    value = deps.metrics.registry.get_sample_value("tastestream_catalog_records_total", {"outcome": outcome})
    return value or 0.0


async def test_a_change_keeps_what_it_does_not_name_and_restates_the_whole_item() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", title="T", price=8.0, tags=["x"], attributes={"colour": "red", "size": 4})
        topic.item("b", update="partial", price=9.5, tags=None, attributes={"colour": None, "sale": True})
        await topic.fold(deps, sent)
        assert entry(deps, "b") == {
            "item_id": "b",
            "title": "T",
            "price": 9.5,
            "attributes": {"size": 4, "sale": True},
        }
        last = topic.log[partition_for("b")][-1]
        assert orjson.loads(last.value or b"") == entry(deps, "b")
        assert dict(last.headers) == {STATED_HEADER: b"1"}
        assert (counted(deps, "changed"), counted(deps, "restated")) == (1, 1)
        assert await deps.index.payloads(["b"], ("price",)) == {"b": {"price": 9.5}}


async def test_a_whole_item_is_not_restated() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        for price in range(5):
            topic.item("b", price=price)
        topic.delete("b")
        await topic.fold(deps, sent)
        assert [len(log) for log in topic.log] == [6 * (partition_for("b") == p) for p in range(2)]


async def test_a_change_of_an_unknown_item_begins_it_and_one_of_a_deleted_item_is_a_letter() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", update="partial", title="T")
        await topic.fold(deps, sent)
        assert entry(deps, "b") == {"item_id": "b", "title": "T"}
        topic.delete("b")
        topic.item("b", update="partial", price=1.0)
        await topic.fold(deps, sent, chunk_records=2)
        assert entry(deps, "b") == {}
        assert await deps.index.payloads(["b"], ()) == {}
        assert topic.log[partition_for("b")][-1].value is None, "Kafka may keep only the last record"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"vector": [1.0] * (DIM + 1)}, b"out_of_range"),
        ({"attributes": {f"n{n}": 1 for n in range(200)}}, b"too_large"),
        ({"attributes": {"long": ["x" * 60_000] * 3}}, b"bad_payload"),
    ],
)
async def test_what_an_item_may_not_be_it_may_not_become(change: dict[str, Any], code: bytes) -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", title="T", attributes={f"m{n}": 1 for n in range(100)})
        await topic.fold(deps, sent)
        before = entry(deps, "b")
        refused = topic.item("b", update="partial", **change)
        await topic.handle(deps, sent, refused)
        [letter] = sent.to("dead-letters")
        assert (letter.value, dict(letter.headers)[REASON_HEADER]) == (refused.value, code)
        assert entry(deps, "b") == before


async def test_a_record_in_a_wrong_partition_goes_to_its_place_with_what_it_carried() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", misplaced=True, title="T")
        await topic.fold(deps, sent)
        assert entry(deps, "b") == {"item_id": "b", "title": "T"}
        assert await deps.index.payloads(["b"], ())
        assert counted(deps, "rerouted") == 1
        topic.delete("b", misplaced=True)
        await topic.fold(deps, sent)
        assert await deps.index.payloads(["b"], ()) == {}
        assert not sent.to("dead-letters")


@pytest.mark.parametrize("key", [None, b"another", b"\xff"])
async def test_a_record_under_another_key_gets_its_items(key: bytes | None) -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.publish(partition_for("b"), key, b'{"item_id": "b", "title": "T"}')
        await topic.fold(deps, sent)
        assert entry(deps, "b")["title"] == "T"
        first, second = topic.log[partition_for("b")]
        assert (second.key, second.value) == (b"b", first.value)
        assert dict(second.headers) == {FIRST_PLACE_HEADER: b"%d:0" % first.partition}


async def test_forwarding_twice_changes_nothing_that_came_in_between() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        misplaced = topic.item("b", misplaced=True, title="old")
        await topic.fold(deps, sent)
        topic.item("b", title="new")
        await topic.fold(deps, sent)
        await topic.handle(deps, sent, misplaced)  # as after a crash before the commit
        await topic.fold(deps, sent)
        assert entry(deps, "b")["title"] == "new"


async def test_a_record_that_says_it_was_forwarded_and_is_not_at_its_place_is_a_letter() -> None:
    async with running_deps() as (deps, sent):
        topic, elsewhere = CatalogTopic(), (partition_for("b") + 1) % 2
        forged = topic.publish(elsewhere, b"b", b'{"item_id": "b"}', ((FIRST_PLACE_HEADER, b"0:7"),))
        await topic.handle(deps, sent, forged)
        assert [letter.value for letter in sent.to("dead-letters")] == [forged.value]
        assert not topic.log[partition_for("b")]


async def test_a_restatement_copied_from_elsewhere_is_an_item_like_any_other() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.publish(partition_for("b"), b"b", b'{"item_id": "b", "title": "T"}', ((STATED_HEADER, b"4711"),))
        topic.item("b", title="newer")
        await topic.fold(deps, sent)
        assert entry(deps, "b")["title"] == "newer"


async def test_a_date_near_1970_survives_its_restatement() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", title="T", published_at="1970-01-02")
        topic.item("b", update="partial", price=1)
        await topic.fold(deps, sent)
        before = entries(deps)
    async with running_deps() as (deps, sent):
        await topic.compacted().fold(deps, sent)
        assert entries(deps) == before


async def folded_again(topic: CatalogTopic) -> dict[str, object]:
    async with running_deps() as (deps, sent):
        await topic.fold(deps, sent)
        return entries(deps)


async def test_a_restatement_that_a_newer_item_overtook_is_made_again() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", update="partial", title="old")
        topic.item("b", title="new")
        await topic.fold(deps, sent, chunk_records=1)
        assert await folded_again(topic.compacted()) == entries(deps)
        assert entry(deps, "b")["title"] == "new"


async def test_a_misplaced_record_that_a_rebuild_forwards_again_does_not_hide_the_newer_item() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", misplaced=True, title="old")
        await topic.fold(deps, sent)
        topic.item("b", title="new")
        await topic.fold(deps, sent)
        expected = entries(deps)
    for _ in range(2):
        topic = topic.compacted()
        assert await folded_again(topic) == expected


async def test_a_misplaced_change_that_was_refused_is_not_taken_by_a_rebuild() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", title="T")
        topic.delete("b")
        topic.item("b", misplaced=True, update="partial", price=1)
        await topic.fold(deps, sent)
        topic.item("b", title="again")
        await topic.fold(deps, sent)
        assert await folded_again(topic.compacted()) == entries(deps)
        assert entry(deps, "b") == {"item_id": "b", "title": "again"}


async def test_a_forwarded_record_that_was_refused_can_be_replayed() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", title="T")
        topic.delete("b")
        topic.item("b", misplaced=True, update="partial", price=1)
        await topic.fold(deps, sent)
        refused = next(record for record in topic.log[partition_for("b")] if FIRST_PLACE_HEADER in dict(record.headers))
        topic.item("b", title="again")
        origin = f"{refused.topic}/{refused.partition}/{refused.offset}".encode()
        topic.publish(refused.partition, b"b", refused.value, (*refused.headers, (ORIGIN_HEADER, origin)))
        await topic.fold(deps, sent)
        assert entry(deps, "b") == {"item_id": "b", "title": "again"}, "the item is newer than the letter"
        topic.publish(refused.partition, b"b", refused.value, (*refused.headers, (ORIGIN_HEADER, b"elsewhere/0/1")))
        await topic.fold(deps, sent)
        assert entry(deps, "b") == {"item_id": "b", "title": "again", "price": 1.0}


async def test_a_record_that_cannot_be_used_does_not_hide_the_one_before_it() -> None:
    async with running_deps() as (deps, sent):
        topic = CatalogTopic()
        topic.item("b", title="T")
        topic.publish(partition_for("b"), b"b", b"{")
        await topic.fold(deps, sent)
        assert await folded_again(topic.compacted()) == entries(deps) != {}


IDS = ("a", "b", "c")
STEP = st.tuples(
    st.sampled_from(["whole", "change", "delete", "misplaced", "misplaced change", "misplaced delete", "bad", "key"]),
    st.sampled_from(IDS),
    st.integers(0, 9),
)


def publish(topic: CatalogTopic, kind: str, item_id: str, number: int) -> None:
    misplaced = kind.startswith("misplaced")
    if kind.endswith("delete"):
        topic.delete(item_id, misplaced=misplaced)
    elif kind.endswith("change"):
        topic.item(item_id, misplaced=misplaced, update="partial", attributes={f"n{number % 3}": number})
    elif kind == "bad":
        topic.publish(partition_for(item_id), item_id.encode(), b"{")
    elif kind == "key":
        body = orjson.dumps({"item_id": item_id, "title": f"key {number}"})
        topic.publish(partition_for(item_id), IDS[number % 3].encode(), body)
    else:
        topic.item(item_id, misplaced=misplaced, title=f"{kind} {number}")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(STEP, st.booleans()), max_size=14), st.integers(1, 4), st.integers(1, 4))
def test_folding_a_compacted_topic_again_gives_the_same_catalog(
    steps: list[tuple[tuple[str, str, int], bool]], chunk_records: int, chunk_records_again: int
) -> None:
    async def run() -> None:
        topic = CatalogTopic()
        async with running_deps() as (deps, sent):
            for step, read_now in steps:
                publish(topic, *step)
                if read_now:
                    await topic.fold(deps, sent, chunk_records)
            await topic.fold(deps, sent, chunk_records)
            expected = entries(deps)
        for _ in range(2):  # what a rebuild publishes must be as true as what it read
            topic = topic.compacted()
            async with running_deps() as (deps, sent):
                await topic.fold(deps, sent, chunk_records_again)
                assert entries(deps) == expected

    asyncio.run(run())
