"""What users' rows cost when each event is another user's: bytes of memory a user, of a row, CPU of an event (no I/O).

Run as `python -m load.bench.user_rows`. Rows are folded and packed as a worker does it, without Kafka.
"""

import gc
import time
from dataclasses import dataclass
from pathlib import Path
from resource import getpagesize
from typing import Any

import typer
from rich.console import Console

from load.datasets.interleaved import interleaved_dataset
from models.primitives.text import ItemText, embed_item
from models.state.events import RATING, Event, event_weight
from models.state.taste import Vector
from models.state.user_state import UserState
from workers.runtime.build_dependencies import users_table
from workers.stream.table import Table
from workers.stream.partitioning import partition_of

PARTITIONS, CHUNK = 8, 512


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: users, memory and packed size a user in bytes, and CPU of an event in microseconds."""

    users: int
    memory: float
    packed: float
    fold_us: float


def measure(items: int, users: int, events: int) -> Cost:
    """Fold `events` in the order of their times, a chunk of a partition after the other."""
    data = interleaved_dataset(items, users, events)
    vectors = {one["item_id"]: _embedding(one) for one in data.items}
    partitions: list[list[Event]] = [[] for _ in range(PARTITIONS)]
    ratings = data.ratings
    for user, item, value, time_ms in zip(ratings.user, ratings.item, ratings.value, ratings.time_ms, strict=True):
        log = partitions[partition_of(f"user-{user}", PARTITIONS)]
        log.append(_event(f"user-{user}", str(item), float(value), int(time_ms), len(log)))
    table = users_table("users")
    table.partitions = {number: table.blank_partition() for number in range(PARTITIONS)}
    before = _resident()
    began = time.process_time()
    written = dict(_folded(table, partitions, vectors))
    took_s = time.process_time() - began
    sizes = list(written.values())
    del written
    return Cost(len(table), (_resident() - before) / len(table), sum(sizes) / len(sizes), took_s / events * 1e6)


def _embedding(item: dict[str, Any]) -> Vector:
    return embed_item(ItemText(title=item["title"], category=item["category"], tags=tuple(item["tags"])))


def _event(user_id: str, item_id: str, value: float, time_ms: int, offset: int) -> Event:
    return Event(user_id, item_id, RATING, event_weight(RATING, value), value, time_ms, (0, offset), offset)


def _folded(table: Table[UserState], partitions: list[list[Event]], vectors: dict[str, Vector]) -> dict[str, int]:
    """Sizes of the rows last written, by user."""
    sizes: dict[str, int] = {}
    for start in range(0, max(map(len, partitions)), CHUNK):
        for number, log in enumerate(partitions):
            rows = table.partitions[number]
            for event in log[start : start + CHUNK]:
                rows.change(event.user_id).fold(event, vectors.get(event.item_id))
            for record in rows.take_changes():
                sizes[(record.key or b"").decode()] = len(record.value or b"")
    return sizes


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


def main(items: int = 10_000, users: int = 10_000, events: int = 45_000) -> None:
    """Print what a user costs."""
    cost = measure(items, users, events)
    Console().print(
        f"{cost.users:,} users: {cost.memory:,.0f} bytes of memory a user, {cost.packed:,.0f} of the packed row, "
        f"{cost.fold_us:,.1f} µs of CPU an event"
    )


if __name__ == "__main__":
    typer.run(main)
