"""Replayed dead letters: one effect, however often one is replayed, and nothing newer is undone."""

from typing import Any

from tests.agents.dependencies import chunk_of_records, json_record, partition_for, running_deps
from workers.agents import catalog, interactions
from workers.dead_letters.origin import ORIGIN_HEADER
from workers.records.out import Headers
from workers.runtime.dependencies import Dependencies
from workers.stream.chunk import Record

VIEW = {"event_type": "view", "user_id": "u", "item_id": "a"}


def origin(offset: int, topic: str, key: str) -> Headers:
    return ((ORIGIN_HEADER, f"{topic}/{partition_for(key)}/{offset}".encode()),)


def replay(offset: int, of: int, body: dict[str, Any] | None = None, topic: str = "user-interactions") -> Record:
    """A replay at `offset` of what was refused at offset `of`."""
    return json_record(topic, offset, "u", body or VIEW, origin(of, topic, "u"))


def described(offset: int, title: str, of: int | None = None) -> Record:
    headers = () if of is None else origin(of, "item-catalog", "a")
    return json_record("item-catalog", offset, "a", {"item_id": "a", "title": title}, headers)


def history(deps: Dependencies) -> list[str]:
    row = deps.users.partitions[partition_for("u")].get("u")
    return [] if row is None else row.history.item_ids


def title(deps: Dependencies) -> str:
    row = deps.items.entries.partitions[partition_for("a")].get("a")
    return "" if row is None else str(row.entry().get("title"))


async def test_a_letter_replayed_twice_counts_once() -> None:
    async with running_deps() as (deps, sent):
        await interactions.handle(chunk_of_records(replay(10, of=3), replay(11, of=3)), deps)
        assert history(deps) == ["a"]
        assert len(sent.to("item-transitions")) == 1


async def test_replays_of_two_letters_with_equal_contents_count_twice() -> None:
    async with running_deps() as (deps, _):
        await interactions.handle(chunk_of_records(replay(10, of=3), replay(11, of=4)), deps)
        assert history(deps) == ["a", "a"]


async def test_an_events_own_id_wins_over_the_place_of_its_letter() -> None:
    async with running_deps() as (deps, _):
        body = {**VIEW, "event_id": "e"}
        own = json_record("user-interactions", 9, "u", body)
        await interactions.handle(chunk_of_records(own, replay(10, of=3, body=body)), deps)
        assert history(deps) == ["a"]


async def test_a_record_that_a_rebuild_finds_usable_does_not_count_beside_its_replay() -> None:
    async with running_deps() as (deps, _):
        refused_then = json_record("user-interactions", 3, "u", VIEW)
        await interactions.handle(chunk_of_records(refused_then, replay(10, of=3)), deps)
        assert history(deps) == ["a"]


async def test_a_replay_redelivered_after_a_crash_counts_once() -> None:
    async with running_deps() as (deps, _):
        for _ in range(2):
            await interactions.handle(chunk_of_records(replay(10, of=3)), deps)
        assert history(deps) == ["a"]


async def test_a_header_that_names_no_place_is_no_identity() -> None:
    async with running_deps() as (deps, sent):
        malformed = [
            json_record("user-interactions", offset, "u", VIEW, ((ORIGIN_HEADER, content),))
            for offset, content in enumerate((b"", b"\xff", b"u/1", b"u/1/x"))
        ]
        await interactions.handle(chunk_of_records(*malformed), deps)
        assert history(deps) == ["a"] * 4
        assert sent.to("dead-letters") == []


async def test_a_replayed_item_is_taken_where_nothing_newer_came() -> None:
    async with running_deps() as (deps, sent):
        await catalog.handle(chunk_of_records(described(2, "old"), described(10, "repaired", of=3)), deps)
        assert title(deps) == "repaired"
        assert sent.to("dead-letters") == []


async def test_a_replayed_item_does_not_undo_a_newer_one_and_says_so() -> None:
    async with running_deps() as (deps, sent):
        await catalog.handle(chunk_of_records(described(5, "newer"), described(10, "older", of=3)), deps)
        assert title(deps) == "newer"
        [letter] = sent.to("dead-letters")
        assert dict(letter.headers)["tastestream.reason"] == b"outdated"


async def test_a_replayed_item_redelivered_after_a_crash_is_no_letter() -> None:
    async with running_deps() as (deps, sent):
        for _ in range(2):
            await catalog.handle(chunk_of_records(described(10, "repaired", of=3)), deps)
        assert title(deps) == "repaired"
        assert sent.to("dead-letters") == []
