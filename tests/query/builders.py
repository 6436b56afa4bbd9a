"""A small catalog whose answers are known, behind a real pipeline over the memory index."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from tests.agents.dependencies import NOW_MS, Sent, chunk_of_records, json_record, partition_for, running_deps
from tests.waiting import until
from workers.agents import catalog, interactions, transitions
from workers.records.out import OutRecord
from workers.records.request import Request, decode_request
from workers.runtime.dependencies import Dependencies

CLUSTER = 8


def request(**body: Any) -> Request:
    """A request as it comes off the wire, for user u unless it says otherwise."""
    return decode_request(orjson.dumps({"user_id": "u", **body}), None, NOW_MS)


@asynccontextmanager
async def two_clusters() -> AsyncIterator[Dependencies]:
    """Items red-0… and blue-0…: members buy those of one colour in a row; u has had red-0 and red-1."""
    async with running_deps() as (deps, _):
        names = [f"{colour}-{n}" for colour in ("red", "blue") for n in range(CLUSTER)]
        await describe(
            deps,
            *(
                {"item_id": name, "title": name, "category": name.split("-")[0], "price": price}
                for price, name in enumerate(names)
            ),
        )
        touched = [
            (f"m{n % 4}-{colour}", f"{colour}-{(n + n // 4) % CLUSTER}")
            for colour in ("red", "blue")
            for n in range(32)
        ]
        await touch(deps, [*touched, ("u", "red-0"), ("u", "red-1")])
        await fold(deps)
        yield deps


async def describe(deps: Dependencies, *items: dict[str, Any]) -> None:
    """Catalog records, in the index when this returns."""
    for item in items:
        await _done(deps, catalog, json_record("item-catalog", next(_offsets), item["item_id"], item))


async def touch(
    deps: Dependencies, touched: Sequence[tuple[str, str]], event_type: str = "purchase", at_ms: int = NOW_MS - 60_000
) -> None:
    """Events of (user, item) in this order, one ms after the other from `at_ms` on."""
    for position, (user, item_id) in enumerate(touched):
        body = {"event_type": event_type, "user_id": user, "item_id": item_id, "event_time": at_ms + position}
        record = json_record("user-interactions", next(_offsets), user, body)
        await interactions.handle(chunk_of_records(record), deps)


async def fold(deps: Dependencies) -> None:
    """Bring the evidence sent so far to its items, and to the index."""
    sent = deps.writer
    assert isinstance(sent, Sent)
    for record in sent.to("item-transitions"):
        name = (record.key or b"").decode()
        await _done(deps, transitions, _with_value(json_record("item-transitions", next(_offsets), name, {}), record))
    sent.batches.clear()


async def answer(deps: Dependencies, **body: Any) -> Any:
    """The reply to one request."""
    asked = request(**body)
    partition = partition_for(asked.subject)
    user = deps.users.partitions[partition].get(asked.subject)
    return await deps.pipeline.answer(asked, user, partition, "r1")


_offsets = iter(range(1_000_000))


def _with_value(record: Any, sent: OutRecord) -> Any:
    record.value = sent.value
    return record


async def _done(deps: Dependencies, agent: Any, record: Any) -> None:
    chunk = chunk_of_records(record)
    await agent.handle(chunk, deps)
    await until(lambda: chunk.done)
