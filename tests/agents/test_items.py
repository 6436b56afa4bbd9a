"""Catalog and transitions agents: one row an item, and a chunk is done when the index shows it."""

from pathlib import Path

import numpy as np
import pytest
from aiokafka import TopicPartition

from models.primitives.ids import sparse_index
from models.primitives.sparse import SparseVector
from models.primitives.words import word_query
from models.retrieval.popular_lists import popularity_query
from models.retrieval.sources import DAY
from models.state.evidence import Evidence, Retraction
from tests.agents.dependencies import DIM, chunk_of_records, done, json_record, partition_for, running_deps
from tests.models.builders import evidence, retraction
from tests.stream.builders import record_at
from tests.waiting import until
from workers.agents import catalog, transitions
from workers.errors import DependencyError
from workers.index.filters import Range
from workers.index.types import Patch, Point, Query
from workers.items.points import BOUGHT, BUYERS, COUNT, MEAN_RATING, POPULARITY, TRANSITIONS, WORDS
from workers.items.rows import ItemRow
from workers.runtime.dependencies import Dependencies
from workers.stream.chunk import Record


def described(offset: int, item_id: str = "b", **fields: object) -> Record:
    return json_record("item-catalog", offset, item_id, {"item_id": item_id, "title": "T", **fields})


def evidence_record(piece: Evidence | Retraction) -> Record:
    tp = TopicPartition("item-transitions", partition_for(piece.item_id))
    return record_at(tp, piece.origin[1], piece.item_id.encode(), piece.pack())


def touched(offset: int, item_id: str = "b") -> Record:
    return evidence_record(evidence(offset, ["a"], item_id=item_id))


async def count_of(deps: Dependencies, item_id: str = "b") -> int | None:
    record = (await deps.index.get([item_id])).get(item_id)
    return None if record is None else (record.payload or {})[COUNT]


async def test_an_item_is_in_the_index_when_its_chunk_is_done() -> None:
    async with running_deps() as (deps, sent):
        chunk = chunk_of_records(described(0))
        await catalog.handle(chunk, deps)
        assert not chunk.done
        await done(chunk)
        assert await count_of(deps) == 0
        assert [record.key for record in sent.to("item-state-changelog")] == [b"b"]


async def test_evidence_on_an_unknown_item_shows_once_the_catalog_has_it() -> None:
    async with running_deps() as (deps, _):
        use, description = chunk_of_records(touched(0), touched(1)), chunk_of_records(described(0))
        await transitions.handle(use, deps)
        await done(use)
        assert await count_of(deps) is None
        await catalog.handle(description, deps)
        await done(description)
        assert await count_of(deps) == 2


async def test_nothing_brings_a_deleted_item_back_but_the_catalog() -> None:
    async with running_deps() as (deps, _):
        gone = chunk_of_records(described(0), json_record("item-catalog", 1, "b", None))
        await catalog.handle(gone, deps)
        use, old = chunk_of_records(touched(0)), chunk_of_records(described(0))
        await transitions.handle(use, deps)
        await catalog.handle(old, deps)
        for chunk in (gone, use, old):
            await done(chunk)
        assert await count_of(deps) is None
        again = chunk_of_records(described(2))
        await catalog.handle(again, deps)
        await done(again)
        assert await count_of(deps) == 1


async def test_a_new_description_is_what_folding_and_asking_use_from_then_on() -> None:
    async with running_deps() as (deps, _):
        for offset, axis in enumerate((0, 3)):
            chunk = chunk_of_records(described(offset, vector=[float(position == axis) for position in range(DIM)]))
            await catalog.handle(chunk, deps)
            await deps.vectors.of(["b"])  # asked for between row and index: must not outlive the write
            await done(chunk)
            found = (await deps.vectors.of(["b"]))["b"]
            assert int(np.argmax(found)) == axis


async def test_evidence_that_comes_twice_counts_once_and_its_row_is_written_again() -> None:
    async with running_deps() as (deps, sent):
        for _ in range(2):
            chunk = chunk_of_records(touched(0))
            await transitions.handle(chunk, deps)
            await done(chunk)
        written = [ItemRow.unpack(record.value or b"") for record in sent.to("item-state-changelog")]
        assert [row.use.count for row in written] == [1, 1]


async def test_a_vector_of_another_dimension_is_a_letter_that_names_both() -> None:
    async with running_deps() as (deps, sent):
        chunk = chunk_of_records(described(0, vector=[1.0] * (DIM + 1)), described(1))
        await catalog.handle(chunk, deps)
        await done(chunk)
        [letter] = sent.to("dead-letters")
        message = dict(letter.headers)["__connect.errors.exception.message"] or b""
        assert b"17 dimensions" in message and b"has 16" in message
        assert await count_of(deps) == 0


async def test_changes_of_one_item_are_written_to_the_index_together() -> None:
    async with running_deps() as (deps, _):
        first = chunk_of_records(described(0))
        await catalog.handle(first, deps)
        await done(first)
        patches: list[Patch] = []
        patch = deps.index.patch

        async def counted(run: list[Patch]) -> list[str]:
            patches.extend(run)
            return await patch(run)

        deps.index.patch = counted  # type: ignore[method-assign, assignment]
        chunks = [chunk_of_records(touched(offset)) for offset in range(20)]
        for chunk in chunks:
            await transitions.handle(chunk, deps)
        for chunk in chunks:
            await done(chunk)
        assert len(patches) < len(chunks)
        assert await count_of(deps) == 20


async def test_stars_and_purchases_show_in_the_index() -> None:
    async with running_deps() as (deps, _):
        stars = [evidence(0, rating=4.0), evidence(1, rating=5.0), evidence(2, bought_with=["a"])]
        for chunk in (chunk_of_records(described(0)), chunk_of_records(*map(evidence_record, stars))):
            await (catalog if chunk.tp.topic == "item-catalog" else transitions).handle(chunk, deps)
            await done(chunk)
        well_rated = Query(POPULARITY, popularity_query(DAY), 10, (Range(MEAN_RATING, gte=4.5),), payload=True)
        bought = Query(BOUGHT, SparseVector.of({sparse_index("a"): 1.0}), 10)
        (by_stars,), (with_a,) = await deps.index.search([well_rated, bought])
        assert by_stars.payload is not None and by_stars.payload[MEAN_RATING] == 4.5
        assert (with_a.item_id, with_a.score, by_stars.payload[BUYERS]) == ("b", 1.0, 1)


async def test_an_item_without_stars_has_no_mean_rating() -> None:
    async with running_deps() as (deps, _):
        for chunk in (chunk_of_records(described(0)), chunk_of_records(touched(0))):
            await (catalog if chunk.tp.topic == "item-catalog" else transitions).handle(chunk, deps)
            await done(chunk)
        record = (await deps.index.get(["b"]))["b"]
        assert record.payload is not None and MEAN_RATING not in record.payload


async def test_an_item_is_found_by_its_words_as_long_as_it_has_them() -> None:
    async with running_deps() as (deps, _):

        async def found(text: str) -> list[str]:
            query = Query(WORDS, word_query(text, deps.vocabulary.words.idf_of), 10)
            return [hit.item_id for hits in await deps.index.search([query]) for hit in hits]

        for offset, title in enumerate(("The Godfather", "Heat")):
            chunk = chunk_of_records(described(offset, title=title))
            await catalog.handle(chunk, deps)
            await done(chunk)
        assert await found("godfather") == []
        assert await found("heat") == await found("b") == ["b"]


async def test_what_is_taken_back_leaves_the_index_too() -> None:
    async with running_deps() as (deps, _):
        kept, gone = evidence(0, ["a"]), evidence(1, ["a", "c"], rating=5.0, bought_with=["a"])
        order = evidence_record(retraction(7, gone))
        for chunk in (
            chunk_of_records(described(0)),
            chunk_of_records(evidence_record(kept), evidence_record(gone)),
            chunk_of_records(order, evidence_record(gone)),
            chunk_of_records(order),
        ):
            await (catalog if chunk.tp.topic == "item-catalog" else transitions).handle(chunk, deps)
            await done(chunk)
        record = (await deps.index.get(["b"], vectors=(TRANSITIONS, BOUGHT)))["b"]
        payload, vectors = record.payload or {}, record.vectors or {}
        assert (payload[COUNT], payload[BUYERS], payload.get(MEAN_RATING)) == (1, 0, None)
        assert BOUGHT not in vectors
        left = vectors[TRANSITIONS]
        assert isinstance(left, SparseVector) and left.indices.tolist() == [sparse_index("a")]


async def test_truncated_retractions_are_letters() -> None:
    async with running_deps() as (deps, sent):
        packed = retraction(0, evidence(0)).pack()
        short = record_at(TopicPartition("item-transitions", partition_for("b")), 0, b"b", packed[:-3])
        await transitions.handle(chunk_of_records(short), deps)
        assert [letter.value for letter in sent.to("dead-letters")] == [short.value]


@pytest.mark.parametrize("method", ["upsert", "patch"])
async def test_a_failing_index_ends_the_worker_and_no_chunk_is_done(method: str) -> None:
    async with running_deps() as (deps, _):
        first = chunk_of_records(described(0))
        await catalog.handle(first, deps)
        await done(first)

        async def failing(_: list[Point]) -> None:
            raise DependencyError("the index is away")

        setattr(deps.index, method, failing)
        chunk = chunk_of_records(described(1)) if method == "upsert" else chunk_of_records(touched(0))
        await (catalog if method == "upsert" else transitions).handle(chunk, deps)
        await until(lambda: deps.index_writer.crashed)
        assert not chunk.done


async def test_a_row_that_went_to_another_worker_is_not_written_and_its_chunk_is_done() -> None:
    async with running_deps() as (deps, _):
        chunk = chunk_of_records(described(0))
        await catalog.handle(chunk, deps)
        deps.items.partitions.clear()
        await done(chunk)
        assert await count_of(deps) is None


async def test_a_mapping_file_gives_foreign_names_of_items_their_meaning(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text('{"item": {"fields": {"label": "title"}}}')
    async with running_deps(mapping_file=file) as (deps, _):
        chunk = chunk_of_records(json_record("item-catalog", 0, "b", {"item_id": "b", "label": "Lamp"}))
        await catalog.handle(chunk, deps)
        row = deps.items.partitions[partition_for("b")].get("b")
        assert row is not None and row.entry()["title"] == "Lamp"
