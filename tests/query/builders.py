"""A small catalog whose answers are known, behind a real pipeline over the memory index."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from tests.agents.parts import NOW_MS, chunk_of_records, json_record, partition_for, running_parts
from tests.waiting import until
from workers.agents import catalog, interactions, transitions
from workers.parts import Parts
from workers.records.request import Request, decode_request

CLUSTER = 8


def request(**body: Any) -> Request:
    """A request as it comes off the wire, for user u unless it says otherwise."""
    return decode_request(orjson.dumps({"user_id": "u", **body}), None, NOW_MS)


@asynccontextmanager
async def two_clusters() -> AsyncIterator[Parts]:
    """Items red-0… and blue-0…: members touch those of one colour in a row; u has had red-0 and red-1."""
    async with running_parts() as (parts, sent):
        names = [f"{colour}-{n}" for colour in ("red", "blue") for n in range(CLUSTER)]
        for offset, name in enumerate(names):
            described = {"item_id": name, "title": name, "category": name.split("-")[0], "price": offset}
            await _done(parts, catalog, json_record("item-catalog", offset, name, described))
        touched = [
            (f"m{n % 4}-{colour}", f"{colour}-{(n + n // 4) % CLUSTER}")
            for colour in ("red", "blue")
            for n in range(32)
        ]
        await touch(parts, [*touched, ("u", "red-0"), ("u", "red-1")])
        for record in sent.to("item-transitions"):
            name = (record.key or b"").decode()
            evidence = json_record("item-transitions", next(_offsets), name, {})
            await _done(parts, transitions, _with_value(evidence, record.value))
        yield parts


async def touch(parts: Parts, touched: Sequence[tuple[str, str]]) -> None:
    """Purchases of (user, item) in this order, a minute ago and later."""
    for user, item_id in touched:
        offset = next(_offsets)
        body = {"event_type": "purchase", "user_id": user, "item_id": item_id, "event_time": NOW_MS - 60_000 + offset}
        await interactions.handle(chunk_of_records(json_record("user-interactions", offset, user, body)), parts)


async def answer(parts: Parts, **body: Any) -> Any:
    """The reply to one request."""
    asked = request(**body)
    partition = partition_for(asked.subject)
    user = parts.users.partitions[partition].get(asked.subject)
    return await parts.pipeline.answer(asked, user, partition, "r1")


_offsets = iter(range(1_000_000))


def _with_value(record: Any, value: bytes | None) -> Any:
    record.value = value
    return record


async def _done(parts: Parts, agent: Any, record: Any) -> None:
    chunk = chunk_of_records(record)
    await agent.handle(chunk, parts)
    await until(lambda: chunk.done)
