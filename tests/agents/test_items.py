"""Catalog and transitions agents: what they write, what the item table says, and when a chunk is done."""

from itertools import count
from pathlib import Path

import numpy as np
from aiokafka import TopicPartition

from models.primitives.ids import sparse_index
from models.primitives.words import word_query
from models.state.evidence import Evidence, Retraction
from tests.agents.dependencies import DIM, chunk_of_records, done, json_record, partition_for, running_deps
from tests.models.builders import evidence, retraction
from tests.stream.builders import record_at
from tests.waiting import until
from workers.admin.state.counts_row import CountsRow
from workers.agents import catalog, transitions
from workers.errors import DependencyError
from workers.index.types import Point, Query
from workers.items.points import WORDS
from workers.runtime.dependencies import Dependencies
from workers.stream.chunk import Record
from workers.stream.table import NO_ID


def described(offset: int, item_id: str = "b", **fields: object) -> Record:
    return json_record("item-catalog", offset, item_id, {"item_id": item_id, "title": "T", **fields})


def evidence_record(piece: Evidence | Retraction) -> Record:
    tp = TopicPartition("item-transitions", partition_for(piece.item_id))
    return record_at(tp, next(_offsets), piece.item_id.encode(), piece.pack())


_offsets = count()


def touched(offset: int, item_id: str = "b") -> Record:
    return evidence_record(evidence(offset, ["a"], item_id=item_id))


async def fold(deps: Dependencies, *records: Record) -> None:
    """Fold a chunk with the agent of its topic, and wait until it is done."""
    chunk = chunk_of_records(*records)
    await (catalog if chunk.tp.topic == "item-catalog" else transitions).handle(chunk, deps)
    await done(chunk)


async def is_indexed(deps: Dependencies, item_id: str = "b") -> bool:
    return item_id in await deps.index.payloads([item_id], ())


def counts(deps: Dependencies, item_id: str = "b") -> CountsRow:
    state = deps.items.counts.partitions[partition_for(item_id)].get(item_id)
    assert state is not None
    return CountsRow(state, deps.items.table.pairs)


async def test_an_item_is_in_the_index_and_in_the_table_when_its_chunk_is_done() -> None:
    async with running_deps() as (deps, sent):
        chunk = chunk_of_records(described(0))
        await catalog.handle(chunk, deps)
        assert not chunk.done
        await done(chunk)
        assert await is_indexed(deps) and deps.items.table.knows("b")
        assert [record.key for record in sent.to("item-state-changelog")] == [b"b"]


async def test_evidence_counts_at_once_and_its_chunk_is_done_when_its_row_is_written() -> None:
    async with running_deps() as (deps, sent):
        chunk = chunk_of_records(touched(0))
        await transitions.handle(chunk, deps)
        assert deps.items.table.users_of("b") == 1
        assert not chunk.done and not sent.to("item-counts-changelog")
        await done(chunk)
        rows = [record for record in sent.to("item-counts-changelog") if not (record.key or b"").startswith(NO_ID)]
        assert [(row.key, CountsRow.alone(row.value).transitions()) for row in rows] == [
            (b"b", {sparse_index("a"): 2_520})
        ]


async def test_evidence_needs_neither_catalog_nor_index_and_counts_once_the_catalog_has_the_item() -> None:
    async with running_deps() as (deps, sent):
        await fold(deps, touched(0), touched(1))
        assert not deps.items.table.knows("b") and not await is_indexed(deps)
        await fold(deps, described(0))
        assert deps.items.table.knows("b") and deps.items.table.users_of("b") == 2
        assert len(sent.to("item-state-changelog")) == 1


async def test_nothing_brings_a_deleted_item_back_but_the_catalog() -> None:
    async with running_deps() as (deps, _):
        await fold(deps, described(0), json_record("item-catalog", 1, "b", None))
        await fold(deps, touched(0))
        await fold(deps, described(0))
        assert not deps.items.table.knows("b") and not await is_indexed(deps)
        await fold(deps, described(2))
        assert deps.items.table.knows("b") and await is_indexed(deps)
        assert deps.items.table.users_of("b") == 1


async def test_a_new_description_is_what_folding_and_asking_use_from_then_on() -> None:
    async with running_deps() as (deps, _):
        for offset, axis in enumerate((0, 3)):
            chunk = chunk_of_records(described(offset, vector=[float(position == axis) for position in range(DIM)]))
            await catalog.handle(chunk, deps)
            assert int(np.argmax(deps.items.vectors(["b"])["b"])) == axis
            await done(chunk)


async def test_evidence_that_comes_twice_counts_once_and_its_row_is_written_again() -> None:
    async with running_deps() as (deps, sent):
        record = touched(0)
        for _ in range(2):
            await fold(deps, record)
        written = [record.value for record in sent.to("item-counts-changelog") if record.key == b"b"]
        assert [CountsRow.alone(value).use.count for value in written] == [1, 1]


async def test_a_vector_of_another_dimension_is_a_letter_that_names_both() -> None:
    async with running_deps() as (deps, sent):
        await fold(deps, described(0, vector=[1.0] * (DIM + 1)), described(1))
        [letter] = sent.to("dead-letters")
        message = dict(letter.headers)["__connect.errors.exception.message"] or b""
        assert b"17 dimensions" in message and b"has 16" in message
        assert await is_indexed(deps)


async def test_no_event_is_written_to_the_index() -> None:
    async with running_deps() as (deps, _):
        await fold(deps, described(0))

        async def failing(_: list[Point]) -> None:
            raise DependencyError("the index is away")

        deps.index.upsert = failing  # type: ignore[method-assign, assignment]
        await fold(deps, *(touched(offset) for offset in range(20)))
        assert deps.items.table.users_of("b") == 20
        assert not deps.index_writer.crashed


async def test_stars_and_purchases_are_counted() -> None:
    async with running_deps() as (deps, _):
        pieces = [evidence(0, rating=4.0), evidence(1, rating=5.0), evidence(2, bought_with=["a"])]
        await fold(deps, *map(evidence_record, pieces))
        row = counts(deps)
        assert (row.use.mean_rating, row.use.buyers, row.bought()) == (4.5, 1, {sparse_index("a"): 1})


async def test_an_item_is_found_by_its_words_as_long_as_it_has_them() -> None:
    async with running_deps() as (deps, _):

        async def found(text: str) -> list[str]:
            query = Query(WORDS, word_query(text, deps.vocabulary.words.idf_of), 10)
            return [hit.item_id for hits in await deps.index.search([query]) for hit in hits]

        for offset, title in enumerate(("The Godfather", "Heat")):
            await fold(deps, described(offset, title=title))
        assert await found("godfather") == []
        assert await found("heat") == await found("b") == ["b"]


async def test_what_is_taken_back_is_counted_no_more_and_does_not_come_again() -> None:
    async with running_deps() as (deps, _):
        kept, gone = evidence(0, ["a"]), evidence(1, ["a", "c"], rating=5.0, bought_with=["a"])
        order = retraction(7, gone)
        chunks: tuple[tuple[Evidence | Retraction, ...], ...] = ((kept, gone), (order, gone), (order,))
        for pieces in chunks:
            await fold(deps, *map(evidence_record, pieces))
        row = counts(deps)
        assert (row.use.count, row.use.buyers, row.use.mean_rating, row.bought()) == (1, 0, None, {})
        assert list(row.transitions()) == [sparse_index("a")]


async def test_truncated_retractions_are_letters() -> None:
    async with running_deps() as (deps, sent):
        packed = retraction(0, evidence(0)).pack()
        short = record_at(TopicPartition("item-transitions", partition_for("b")), 0, b"b", packed[:-3])
        await transitions.handle(chunk_of_records(short), deps)
        assert [letter.value for letter in sent.to("dead-letters")] == [short.value]


async def test_a_failing_index_ends_the_worker_and_no_chunk_of_the_catalog_is_done() -> None:
    async with running_deps() as (deps, _):

        async def failing(_: list[Point]) -> None:
            raise DependencyError("the index is away")

        deps.index.upsert = failing  # type: ignore[method-assign, assignment]
        chunk = chunk_of_records(described(1))
        await catalog.handle(chunk, deps)
        await until(lambda: deps.index_writer.crashed)
        assert not chunk.done


async def test_a_row_that_went_to_another_worker_is_not_written_and_its_chunk_is_done() -> None:
    async with running_deps() as (deps, _):
        chunk = chunk_of_records(described(0))
        await catalog.handle(chunk, deps)
        deps.items.entries.partitions.clear()
        await done(chunk)
        assert not await is_indexed(deps)


async def test_a_mapping_file_gives_foreign_names_of_items_their_meaning(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text('{"item": {"fields": {"label": "title"}}}')
    async with running_deps(mapping_file=file) as (deps, _):
        await fold(deps, json_record("item-catalog", 0, "b", {"item_id": "b", "label": "Lamp"}))
        assert deps.items.entry("b")["title"] == "Lamp"
