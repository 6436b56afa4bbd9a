"""Strangers without end leave nothing behind in a worker at its bounds."""

import gc
import tracemalloc
from itertools import count, islice

from aiokafka import TopicPartition

from models.primitives.ids import item_key
from tests.agents.dependencies import NOW_MS, Sent, chunk_of_records, done, json_record, running_deps
from tests.stream.builders import record_at
from workers.agents import interactions, transitions
from workers.runtime.dependencies import Dependencies
from workers.stream.chunk import Record
from workers.stream.partitioning import partition_of

STRANGERS, AT_ONCE = 1_500, 25
TRANSITIONS = "item-transitions"
# A row of one of them takes 3.4 KB, the row of the item 1.8 KB; the noise of interpreter and libraries is below this.
MOST_BYTES_EACH = 60


async def test_users_and_items_that_are_seen_once_take_no_memory_once_the_tables_are_full() -> None:
    async with running_deps(max_users=100, max_items=100, max_unknown_items=50) as (deps, sent):
        deps.snapshots.hurry()
        strangers = (f"{n}" for n in count())
        tracemalloc.start()
        try:
            await _come_and_go(deps, sent, list(islice(strangers, STRANGERS)))
            before = _held()
            await _come_and_go(deps, sent, list(islice(strangers, STRANGERS)))
            grown = _held() - before
        finally:
            tracemalloc.stop()
        assert grown / STRANGERS < MOST_BYTES_EACH
        assert len(deps.users) <= 100 + AT_ONCE


async def _come_and_go(deps: Dependencies, sent: Sent, names: list[str]) -> None:
    for start in range(0, len(names), AT_ONCE):
        made = [_view(name) for name in names[start : start + AT_ONCE]]
        for partition in {record.partition for record in made}:
            await interactions.handle(chunk_of_records(*(one for one in made if one.partition == partition)), deps)
        while emitted := [(target[1], records) for target, records in sent.batches if target[0] == TRANSITIONS]:
            sent.batches.clear()
            for partition, records in emitted:  # evidence, then what it has the owner say
                tp = TopicPartition(TRANSITIONS, partition)
                chunk = chunk_of_records(*(record_at(tp, next(_offsets), one.key, one.value) for one in records))
                await transitions.handle(chunk, deps)
                await done(chunk)
        sent.batches.clear()


def _held() -> int:
    """Bytes held; caches of ids, which have bounds of their own, are emptied first."""
    item_key.cache_clear()
    partition_of.cache_clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


_offsets = count()


def _view(name: str) -> Record:
    offset = next(_offsets)
    body = {"event_type": "view", "item_id": f"item-{name}", "event_time": NOW_MS - 1_000_000 + offset}
    return json_record("user-interactions", offset, f"guest-{name}", {**body, "user_id": f"guest-{name}"})
