"""The interactions agent: evidence before rows, bad records aside, repeats without effect."""

from pathlib import Path

import pytest

from models.state.evidence import Evidence
from models.state.user_state import UserState
from tests.agents.dependencies import chunk_of_records, json_record, partition_for, running_deps
from workers.agents.interactions import handle
from workers.errors import DependencyError
from workers.stream.chunk import Record

RATED = (("a", 9), ("b", 1), ("c", 1000))


def view(offset: int, item_id: str, user_id: str = "u", **fields: object) -> Record:
    body = {"event_type": "view", "user_id": user_id, "item_id": item_id, **fields}
    return json_record("user-interactions", offset, user_id, body)


def same_partition(count: int) -> list[str]:
    """Users who live in one partition."""
    return [name for name in (f"user-{n}" for n in range(100)) if partition_for(name) == 0][:count]


async def test_evidence_is_acknowledged_before_the_rows_that_account_for_it() -> None:
    async with running_deps() as (deps, sent):
        await handle(chunk_of_records(view(0, "a"), view(1, "b")), deps)
        assert sent.order() == ["item-transitions", "user-state-changelog"]
        evidence = [Evidence.unpack(record.value or b"") for record in sent.to("item-transitions")]
        assert {(piece.item_id, piece.origin[1], len(piece.predecessors)) for piece in evidence} == {
            ("a", 0, 0),
            ("b", 1, 1),
        }


async def test_each_user_of_a_chunk_is_written_once_with_all_that_it_brought() -> None:
    first, second = same_partition(2)
    async with running_deps() as (deps, sent):
        await handle(chunk_of_records(view(0, "a", first), view(1, "b", second), view(2, "c", first)), deps)
        rows = {record.key: UserState.unpack(record.value or b"") for record in sent.to("user-state-changelog")}
        assert len(sent.to("user-state-changelog")) == 2
        assert rows[first.encode()].history.item_ids == ["a", "c"]


async def test_a_redelivered_chunk_sends_no_evidence_and_writes_its_rows_again() -> None:
    async with running_deps() as (deps, sent):
        await handle(chunk_of_records(view(0, "a"), view(1, "b")), deps)
        before = sent.to("user-state-changelog")
        sent.batches.clear()
        await handle(chunk_of_records(view(0, "a"), view(1, "b")), deps)
        assert sent.to("item-transitions") == []
        assert [record.value for record in sent.to("user-state-changelog")] == [record.value for record in before]


async def test_rows_are_not_written_when_their_evidence_was_not_acknowledged() -> None:
    async with running_deps() as (deps, sent):
        sent.refuses = "item-transitions"
        with pytest.raises(DependencyError):
            await handle(chunk_of_records(view(0, "a")), deps)
        assert sent.to("user-state-changelog") == []


async def test_a_bad_record_is_a_letter_and_its_neighbours_are_folded() -> None:
    async with running_deps() as (deps, sent):
        bad = json_record("user-interactions", 1, "u", {"event_type": "teleport", "item_id": "x"})
        await handle(chunk_of_records(view(0, "a"), bad, view(2, "b")), deps)
        assert [letter.value for letter in sent.to("dead-letters")] == [bad.value]
        row = deps.users.partitions[partition_for("u")].get("u")
        assert row is not None and row.history.item_ids == ["a", "b"]


async def test_a_basket_counts_each_line_once_under_one_event_id() -> None:
    async with running_deps() as (deps, sent):
        basket = {"event_type": "purchase", "user_id": "u", "items": ["a", "b"], "event_id": "order-1"}
        await handle(chunk_of_records(json_record("user-interactions", 0, "u", basket)), deps)
        await handle(chunk_of_records(json_record("user-interactions", 1, "u", basket)), deps)
        assert sorted(Evidence.unpack(r.value or b"").item_id for r in sent.to("item-transitions")) == ["a", "b"]


async def test_impressions_and_searches_leave_no_evidence() -> None:
    async with running_deps() as (deps, sent):
        shown = view(0, "a", event_type="impression")
        searched = view(1, "a", event_type="search")
        await handle(chunk_of_records(shown, searched), deps)
        assert sent.to("item-transitions") == []
        value = deps.metrics.registry.get_sample_value
        for kind in ("impression", "search"):
            assert value("tastestream_events_total", {"type": kind, "outcome": "applied"}) == 1


async def test_a_waiting_request_learns_how_far_the_partition_is_folded() -> None:
    async with running_deps() as (deps, _):
        await handle(chunk_of_records(view(7, "a"), view(8, "b")), deps)
        assert deps.progress.offset(partition_for("u")) == 8


async def test_a_mapping_file_gives_foreign_names_their_meaning(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text('{"interaction": {"fields": {"what": "event_type", "sku": "item_id"}, "events": {"PDP": "view"}}}')
    async with running_deps(mapping_file=file) as (deps, sent):
        await handle(chunk_of_records(json_record("user-interactions", 0, "u", {"what": "PDP", "sku": "a"})), deps)
        row = deps.users.partitions[partition_for("u")].get("u")
        assert row is not None and row.history.item_ids == ["a"]
        assert sent.to("dead-letters") == []


async def test_carts_stars_and_the_weights_of_the_deployment_are_told() -> None:
    async with running_deps(event_weights={"view": 7.0}) as (deps, sent):
        events = (
            view(0, "a"),
            view(1, "b", event_type="add_to_cart"),
            view(2, "c", event_type="rating", value=4.5),
            view(3, "d", event_type="watch", value=0.5),
        )
        await handle(chunk_of_records(*events), deps)
        pieces = {p.item_id: p for p in (Evidence.unpack(r.value or b"") for r in sent.to("item-transitions"))}
        assert [(pieces[name].weight, pieces[name].bought, pieces[name].rating) for name in "abcd"] == [
            (7.0, False, None),
            (5.0, True, None),
            (3.0, False, 4.5),
            (1.5, False, None),
        ]


async def test_ratings_on_a_scale_become_stars_and_those_outside_are_letters() -> None:
    async with running_deps(rating_scale="1-10") as (deps, sent):
        events = [view(offset, name, event_type="rating", value=value) for offset, (name, value) in enumerate(RATED)]
        await handle(chunk_of_records(*events), deps)
        pieces = {p.item_id: p for p in (Evidence.unpack(r.value or b"") for r in sent.to("item-transitions"))}
        assert {name: (piece.rating, piece.weight) for name, piece in pieces.items()} == {
            "a": (4.5, 3.0),
            "b": (0.5, -5.0),
        }
        [letter] = sent.to("dead-letters")
        headers = dict(letter.headers)
        assert headers["tastestream.reason"] == b"out_of_range"
        message = headers["__connect.errors.exception.message"] or b""
        assert b"the rating 1000 is outside 1 to 10, the scale of TASTESTREAM_RATING_SCALE" in message


async def test_ignored_events_are_counted_and_leave_no_letter() -> None:
    async with running_deps(ignored_events="heartbeat*") as (deps, sent):
        names = ("heartbeat_2", "video_start", "page_view", "teleport")
        await handle(chunk_of_records(*(view(n, "a", event_type=name) for n, name in enumerate(names))), deps)
        assert len(sent.to("dead-letters")) == 1
        counted = deps.metrics.registry.get_sample_value(
            "tastestream_events_total", {"type": "other", "outcome": "ignored"}
        )
        assert counted == 3
