"""Tables at their bounds: rows go in a fixed order, and a worker killed at any write ends like an undisturbed one."""

import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest

from models.state.evidence import Evidence
from tests.agents.dependencies import (
    NOW_MS,
    PARTITIONS,
    chunk_of_records,
    done,
    json_record,
    partition_for,
    running_deps,
)
from workers.agents import catalog, interactions
from workers.items.eviction import make_room_for_entries, make_room_for_users
from workers.records.out import OutRecord
from workers.runtime.dependencies import Dependencies
from workers.stream.chunk import Chunk, Record
from workers.stream.table import EVICTED_KEY, Table
from workers.stream.writer import Target, Writer

LIMIT = 6
RUN = 9  # records of a chunk at most
COMMIT_EVERY = 3  # chunks
TRANSITIONS = "item-transitions"
Handle = Callable[[Chunk, Dependencies], Awaitable[None]]


class KilledError(Exception):
    """The process is gone; what it had written stays."""


class Disk(Writer):
    """Keeps what is written, and refuses everything once `writes_left` records were taken."""

    def __init__(self) -> None:
        super().__init__({}, owner="test", patience_s=1.0)
        self.logs: dict[Target, list[OutRecord]] = defaultdict(list)
        self.writes_left: int | None = None

    async def send_all(self, batches: Mapping[Target, Iterable[OutRecord]]) -> None:
        for target, records in batches.items():
            for record in records:
                if self.writes_left is not None:
                    self.writes_left -= 1
                    if self.writes_left < 0:
                        raise KilledError
                self.logs[target].append(record)

    def recover(self, table: Table[Any]) -> None:
        """Give the table what a new process would find."""
        table.partitions = {number: table.blank_partition() for number in range(PARTITIONS)}
        for number, rows in table.partitions.items():
            for record in self.logs[table.changelog, number]:
                rows.load(record.key, record.value)


async def fold(
    chunks: Sequence[tuple[Handle, list[Record]]], kill_share: float, seed: int = 1
) -> tuple[dict[str, bytes], set[tuple[str, tuple[int, int]]], Counter[str]]:
    """Fold chunks; rows of both tables as bytes, the evidence by item and event, evictions and kills."""
    rng, disk = random.Random(seed), Disk()
    bounds = {"max_users": LIMIT, "max_items": LIMIT}
    async with running_deps(**bounds) as (built, _):
        deps, at, committed, happened = replace(built, writer=disk), 0, 0, Counter[str]()
        while at < len(chunks):
            handle, records = chunks[at]
            chunk = chunk_of_records(*records)
            disk.writes_left = rng.randrange(25) if rng.random() < kill_share else None
            try:
                await handle(chunk, deps)
                if handle is not interactions.handle:
                    await done(chunk)
                at += 1
                committed = at if at % COMMIT_EVERY == 0 else committed
                if disk.writes_left is not None:
                    raise KilledError
            except KilledError:
                happened["kills"] += 1
                at = committed
                disk.recover(deps.users)
                disk.recover(deps.items.entries)
                await deps.items.owned()
            assert len(deps.users) <= LIMIT + RUN
        await make_room_for_users(deps)  # a chunk that was repeated last had it made, another one not
        await make_room_for_entries(deps)
        for table in ("users", "items"):
            happened[table] = int(
                built.metrics.registry.get_sample_value("tastestream_state_evictions_total", {"table": table}) or 0
            )
        return _packed(deps), _evidence_written(disk), happened


def _packed(deps: Dependencies) -> dict[str, bytes]:
    tables: tuple[Table[Any], ...] = (deps.users, deps.items.entries)
    return {
        f"{table.changelog} {key}": row.pack()
        for table in tables
        for rows in table.partitions.values()
        for key in rows.keys()  # noqa: SIM118 - not a dict
        if (row := rows.get(key)) is not None
    }


def _evidence_written(disk: Disk) -> set[tuple[str, tuple[int, int]]]:
    packed = [record.value or b"" for (name, _), log in disk.logs.items() if name == TRANSITIONS for record in log]
    return {(piece.item_id, piece.origin) for piece in map(Evidence.unpack, packed)}


def user_chunks() -> list[tuple[Handle, list[Record]]]:
    """Baskets, ratings and guests of 30 people, far more than are kept, in runs of up to nine records."""
    rng, log = random.Random(7), defaultdict[int, list[Record]](list)
    for n in range(400):
        user = f"u{min(int(rng.expovariate(0.1)), 29)}"
        body: dict[str, Any] = {"user_id": user, "event_time": NOW_MS - 1_000_000 + n * 100}
        if n % 5:
            body |= {"event_type": "rating", "item_id": f"i{rng.randrange(12)}", "value": 4}
        else:
            body |= {"event_type": "purchase", "items": [{"item_id": f"i{i}"} for i in rng.sample(range(12), 3)]}
        partition = partition_for(user)
        log[partition].append(json_record("user-interactions", len(log[partition]), user, body))
    return _runs(interactions.handle, log, rng)


def item_chunks() -> list[tuple[Handle, list[Record]]]:
    """Catalog records of 30 items, far more than are kept, some deleted again."""
    rng, log = random.Random(3), defaultdict[int, list[Record]](list)
    for n in range(400):
        item_id = f"i{rng.randrange(30)}"
        body = None if n % 7 == 0 else {"item_id": item_id, "title": f"Title {n}"}
        described = log[partition_for(item_id)]
        described.append(json_record("item-catalog", len(described), item_id, body))
    return _runs(catalog.handle, log, rng)


def _runs(handle: Handle, log: Mapping[int, Sequence[Record]], rng: random.Random) -> list[tuple[Handle, list[Record]]]:
    chunks, left = [], {partition: list(records) for partition, records in log.items()}
    while left:
        partition, size = rng.choice(sorted(left)), rng.randint(1, RUN)
        chunks.append((handle, left[partition][:size]))
        left[partition] = left[partition][size:]
        if not left[partition]:
            del left[partition]
    return chunks


@pytest.mark.parametrize("chunks", [user_chunks(), item_chunks()], ids=["users", "items"])
async def test_a_worker_killed_at_its_bounds_ends_with_the_rows_of_an_undisturbed_one(
    chunks: list[tuple[Handle, list[Record]]],
) -> None:
    undisturbed = await fold(chunks, kill_share=0.0)
    killed = await fold(chunks, kill_share=0.4)
    assert killed[2]["kills"] > 20
    assert undisturbed[2]["users"] + undisturbed[2]["items"] > 50
    assert killed[0] == undisturbed[0]
    assert killed[1] == undisturbed[1]


async def test_every_event_of_users_who_come_and_go_is_told_under_one_origin() -> None:
    """The evidence of an event may differ: killed in the middle of a write, a worker may drop a row a chunk earlier."""
    chunks = user_chunks()
    expected = {
        (item["item_id"], (record.partition, record.offset))
        for _, records in chunks
        for record in records
        for body in [orjson.loads(record.value or b"")]
        for item in body.get("items", [body])
    }
    _, evidence, happened = await fold(chunks, kill_share=0.5, seed=2)
    assert happened["kills"] > 20
    assert happened["users"] > 20
    assert evidence == expected


async def test_a_user_who_went_is_not_started_over_by_a_record_that_comes_again() -> None:
    async with running_deps(max_users=1) as (deps, sent):
        first, second, third = (_view(f"u{n}", offset) for n, offset in ((0, 0), (0, 1), (0, 2)))
        await interactions.handle(chunk_of_records(first, second), deps)
        for n in range(1, 9):
            await interactions.handle(chunk_of_records(_view(f"u{n}", 10 + n)), deps)
        assert _user(deps, "u0") is None
        sent.batches.clear()
        await interactions.handle(chunk_of_records(first, second, third), deps)
        assert _user(deps, "u0") is None
        assert sent.to(TRANSITIONS) == []
        await interactions.handle(chunk_of_records(_view("u0", 30)), deps)
        user = _user(deps, "u0")
        assert user is not None
        assert user.history.item_ids == ["item"]


async def test_an_item_that_went_is_gone_from_the_index_before_its_tombstone_is_written() -> None:
    async with running_deps(max_items=2) as (deps, sent):
        names = [f"i{n}" for n in range(40) if partition_for(f"i{n}") == 0][:6]
        for offset, name in enumerate(names):
            chunk = chunk_of_records(json_record("item-catalog", offset, name, {"item_id": name, "title": name}))
            await catalog.handle(chunk, deps)
            await done(chunk)
            shown = await deps.index.payloads(names, ())
            buried = (names[0].encode(), None) in [(r.key, r.value) for r in sent.to(deps.items.entries.changelog)]
            assert not (buried and names[0] in shown)
        assert names[0] not in await deps.index.payloads(names, ())
        assert names[0] not in deps.vocabulary
        written = [(record.key, record.value is None) for record in sent.to(deps.items.entries.changelog)]
        assert (names[0].encode(), True) in written
        watermark = written.index((EVICTED_KEY, False))
        assert watermark < written.index((names[0].encode(), True))


async def test_no_row_goes_below_the_bound() -> None:
    async with running_deps(max_users=8) as (deps, sent):
        for n in range(8):
            await interactions.handle(chunk_of_records(_view(f"u{n}", n)), deps)
        await interactions.handle(chunk_of_records(_view("u0", 20)), deps)
        assert len(deps.users) == 8
        keys = {record.key for record in sent.to(deps.users.changelog)}
        assert keys == {f"u{n}".encode() for n in range(8)}


def _view(user: str, offset: int) -> Record:
    body = {"event_type": "view", "user_id": user, "item_id": "item", "event_time": NOW_MS - 1_000 + offset}
    return json_record("user-interactions", offset, user, body)


def _user(deps: Dependencies, name: str) -> Any:
    return deps.users.partitions[partition_for(name)].get(name)
