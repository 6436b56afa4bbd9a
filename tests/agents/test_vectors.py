"""Vectors agent: a chunk is done when the index has its vectors; a replay after a kill changes nothing."""

from typing import Any

import orjson
from aiokafka import TopicPartition

from tests.agents.dependencies import chunk_of_records, done, json_record, partition_for, running_deps
from tests.agents.test_items import described, touched
from tests.collaborative.builders import slot_record, vector
from tests.stream.builders import record_at
from workers.agents import catalog, transitions, vectors
from workers.index.types import Query
from workers.items.points import COLLABORATIVE_SPACES, REVISION, revision_of
from workers.items.rows import ItemRow
from workers.items.slots import VectorRecord
from workers.recommend.question import Question
from workers.records.reply import Reply
from workers.records.request import Request
from workers.runtime.dependencies import Dependencies

SPACES = tuple(COLLABORATIVE_SPACES.values())


async def fold(agent: Any, deps: Dependencies, *records: Any) -> None:
    chunk = chunk_of_records(*records)
    await agent.handle(chunk, deps)
    await done(chunk)


async def shown(deps: Dependencies, item_id: str = "b") -> dict[str, list[float]]:
    """First places of the vectors that the index has of an item, by space: its products with three axes."""
    asked = [Query(space, vector(place), 10) for space in SPACES for place in range(3)]
    found = [dict(hits).get(item_id, 0.0) for hits in await deps.index.search(asked)]
    places = {space: found[3 * n : 3 * n + 3] for n, space in enumerate(SPACES)}
    return {space: scores for space, scores in places.items() if any(scores)}


async def test_both_versions_are_in_the_index_side_by_side() -> None:
    async with running_deps() as (deps, sent):
        await fold(catalog, deps, described(0))
        await fold(vectors, deps, slot_record(0, value=vector(0)))
        await fold(vectors, deps, slot_record(1, slot="b", version=2, value=vector(1)))
        assert await shown(deps) == {"collaborative_a": [1, 0, 0], "collaborative_b": [0, 1, 0]}
        assert [record.key for record in sent.to("item-state-changelog")] == [b"b"] * 3


async def test_a_vector_that_comes_before_its_item_shows_with_it() -> None:
    async with running_deps() as (deps, _):
        await fold(vectors, deps, slot_record(0, value=vector(2)))
        assert await shown(deps) == {}
        await fold(catalog, deps, described(0))
        assert await shown(deps) == {"collaborative_a": [0, 0, 1]}


async def test_a_new_description_and_new_evidence_keep_the_vectors() -> None:
    async with running_deps() as (deps, _):
        await fold(catalog, deps, described(0))
        await fold(vectors, deps, slot_record(0, value=vector(0)))
        await fold(catalog, deps, described(1, title="New"))
        await fold(transitions, deps, touched(0))
        assert await shown(deps) == {"collaborative_a": [1, 0, 0]}


async def test_a_replay_after_a_kill_ends_at_the_same_row_and_the_same_index() -> None:
    async with running_deps() as (deps, _):
        log = [
            slot_record(0, value=vector(0)),
            slot_record(1, slot="b", version=2, value=vector(1)),
            slot_record(2, version=3),
        ]
        await fold(catalog, deps, described(0))
        await fold(vectors, deps, *log)
        rows = deps.items.entries.partitions[partition_for("b")]
        packed, index = rows.change("b").pack(), await shown(deps)
        assert index == {"collaborative_b": [0, 1, 0]}
        # Killed before the index and the commit: rows are recovered, the index is as it was, all comes again.
        recovered = deps.items.entries.blank_partition()
        recovered.load(b"b", packed)
        deps.items.entries.partitions[partition_for("b")] = recovered
        await deps.index.delete(["b"])
        await fold(vectors, deps, *log)
        assert recovered.change("b").pack() == packed
        assert await shown(deps) == index
        [payload] = (await deps.index.payloads(["b"], (REVISION,))).values()
        assert payload[REVISION] == revision_of(recovered.change("b"))


async def test_vectors_of_another_dimension_wait_for_the_next_retraining() -> None:
    async with running_deps() as (deps, _):
        row = ItemRow()
        row.describe(b'{"title":"T"}', offset=0)
        row.slots.take(VectorRecord("b", "a", 1, vector(0, dim=32)))
        row.slots.take(VectorRecord("b", "b", 2, vector(0)))
        assert COLLABORATIVE_SPACES["a"] not in deps.points.point("b", row, None).vectors
        assert COLLABORATIVE_SPACES["b"] in deps.points.point("b", row, None).vectors


async def test_a_bad_vector_is_a_dead_letter_and_its_neighbour_is_taken() -> None:
    async with running_deps() as (deps, sent):
        await fold(catalog, deps, described(0))
        await fold(vectors, deps, slot_record(0, value=vector(0, dim=7)), slot_record(1, version=2, value=vector(0)))
        assert await shown(deps) == {"collaborative_a": [1, 0, 0]}
        assert len(sent.to("dead-letters")) == 1


async def test_a_null_value_clears_the_topic_of_its_key_without_a_letter_and_the_item_keeps_its_vector() -> None:
    async with running_deps() as (deps, sent):
        await fold(catalog, deps, described(0))
        await fold(vectors, deps, slot_record(0, version=1, value=vector(0)))
        position = TopicPartition("item-vectors", partition_for("b"))
        await fold(vectors, deps, *(record_at(position, 1 + n, key, None) for n, key in enumerate((b"a/b", b"\xff"))))
        assert await shown(deps) == {"collaborative_a": [1, 0, 0]}
        assert sent.to("dead-letters") == []


async def test_similar_items_go_by_the_version_that_answers_and_only_by_it() -> None:
    async with running_deps() as (deps, _):
        item_ids = ["b", *[item_id for item_id in "cdefghij" if partition_for(item_id) == partition_for("b")][:2]]
        seed, near, far = item_ids
        for offset, item_id in enumerate(item_ids):
            await fold(catalog, deps, json_record("item-catalog", offset, item_id, {"item_id": item_id, "title": "T"}))
        pairs = [(seed, near), (seed, far)]
        for slot, pair in zip("ab", pairs, strict=True):
            for item_id in item_ids:
                offset = 10 * ord(slot) + item_ids.index(item_id)
                value = vector(0) if item_id in pair else vector(1)
                await fold(vectors, deps, slot_record(offset, item_id, slot, version=ord(slot), value=value))
        answers = dict[str | None, Reply]()
        for slot in (*"ab", None):
            deps.active_vectors.space = None if slot is None else COLLABORATIVE_SPACES[slot]
            request = Request(kind="similar_items", item_ids=(seed,), explain=True)
            answers[slot] = await deps.pipeline.answer(Question(request, "r"))
        assert [answers[slot].items[0].item_id for slot in "ab"] == [near, far]
        [first] = [reason for reason in answers["a"].items[0].reasons if reason.kind == "liked_by_similar_users"]
        assert (first.item_id, round(first.contribution, 3)) == (seed, 0.35)
        for slot in "ab":
            for item in answers[slot].items:
                assert abs(item.score - sum(reason.contribution for reason in item.reasons)) < 1e-9
        assert not any(r.kind == "liked_by_similar_users" for item in answers[None].items for r in item.reasons)
        assert orjson.dumps(answers["a"].degraded) == b"[]"
