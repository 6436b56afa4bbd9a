"""Keeps the tables at their bounds: rows that changed longest ago are evicted, each leaving a tombstone (Kafka).

Agents make room before they fold a chunk, never after: what is evicted depends on acknowledged rows only, and a
chunk that is repeated after a crash evicts the same ones. So a table holds at most its bound and one chunk.

An evicted row leaves the last offsets that it applied in its partition's `EvictionWatermark`, and that is
acknowledged before anything else is written there: a record that comes again after a crash is skipped, as if the row
were still there. A crash before its tombstone is acknowledged brings the row back, whole; then it is evicted again.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from models.state.user_state import UserState
from workers.items.items import Items
from workers.items.rows import ItemRow
from workers.metrics import Metrics
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.table import Table, TablePartition
from workers.stream.writer import Writer

# Rows that one call drops at most, unless a chunk can bring more: a run of so many is some 50 ms of work.
MOST_AT_ONCE = 1_024
# Share of a bound that leaves beside what is too much: the watermark is written, or something said, once a run, not
# once a chunk.
SLACK = 0.01


class EvictionDependencies(Protocol):
    """What it takes to drop rows of any table."""

    settings: Settings
    metrics: Metrics
    scheduler: Scheduler
    writer: Writer


class UserEvictionDependencies(EvictionDependencies, Protocol):
    """The same with the users."""

    users: Table[UserState]


class IndexRemoval(Protocol):
    """What removes items from the index."""

    def push(self, item_ids: Iterable[str], chunk: "_Burial") -> None:
        """Have these items removed, then finish `chunk`."""


class EntryEvictionDependencies(EvictionDependencies, Protocol):
    """The same with the items and the index."""

    items: Items

    @property
    def index_writer(self) -> IndexRemoval: ...


@dataclass(frozen=True, slots=True)
class _Bound:
    """What the partitions of a table may hold that this worker owns.

    `then` follows once the watermark is written, for the keys that went from a partition.
    """

    name: str
    table: Table[Any]
    limit: int
    then: Callable[[int, TablePartition[Any], Sequence[str]], Awaitable[None]]


async def make_room_for_users(deps: UserEvictionDependencies) -> None:
    """Drop users beyond `max_users`; the caller holds no partition's lock, and its rows are acknowledged."""

    async def bury(partition: int, rows: TablePartition[Any], keys: Sequence[str]) -> None:
        rows.bury(keys)
        await deps.writer.send(deps.users.changelog, partition, rows.take_changes())

    await _make_room(_Bound("users", deps.users, deps.settings.max_users, bury), deps)


async def make_room_for_entries(deps: EntryEvictionDependencies) -> None:
    """Drop entries of items beyond the share of `max_items` that our partitions have; as `make_room_for_users`.

    Their tombstones are written after the index has forgotten them, with the next rows of their partition: a point
    without a row would have to be looked for. What is counted of the items goes by `workers.items.room`.
    """

    async def forget(partition: int, rows: TablePartition[ItemRow], keys: Sequence[str]) -> None:
        deps.index_writer.push(keys, _Burial(rows, keys))

    settings, entries = deps.settings, deps.items.entries
    share = max(1, settings.max_items * len(entries.partitions) // settings.item_partitions)
    await _make_room(_Bound("items", entries, share, forget), deps)


async def _make_room(bound: _Bound, deps: EvictionDependencies) -> None:
    if len(bound.table) <= bound.limit:
        return
    most = max(MOST_AT_ONCE, 2 * deps.settings.chunk_records)
    target = bound.limit - int(bound.limit * SLACK)
    while most > 0 and len(bound.table) > target:
        number, rows = max(bound.table.partitions.items(), key=lambda one: (len(one[1]), one[0]))
        most -= await _drop_some(bound, number, rows, most, target, deps)


async def _drop_some(
    bound: _Bound, number: int, rows: TablePartition[Any], most: int, target: int, deps: EvictionDependencies
) -> int:
    """Drop rows of the largest partition down to its share of `target`; at least one, and at most `most`."""
    async with rows.lock:
        share = target // len(bound.table.partitions)
        count = min(most, len(bound.table) - target, len(rows) - share)
        keys = rows.oldest(max(0, count))
        for key in keys:
            rows.drop(key)
            await deps.scheduler.rest()
        if keys:
            await deps.writer.send(bound.table.changelog, number, [rows.eviction_record()])
            await bound.then(number, rows, keys)
            deps.metrics.count_evictions(bound.name, len(keys))
    return max(1, len(keys))


class _Burial:
    """Waits for the index like a chunk; then tombstones may be written."""

    def __init__(self, rows: TablePartition[ItemRow], keys: Sequence[str]) -> None:
        self._rows = rows
        self._keys = keys

    def park(self) -> None:
        """Nothing but the index is waited for anyway."""

    def finish(self) -> None:
        """The index has forgotten the items."""
        self._rows.bury(self._keys)
