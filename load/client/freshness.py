"""From the publication of an event or an item until an answer holds it, as a client sees it (touches Kafka)."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from numpy.typing import NDArray

from load.client.client import RequestClient
from load.datasets.errors import LoadError
from workers.messages.waiting import plain

VISITOR = "visitor-of-the-demo"
NEW_ITEM_TIMEOUT_S = 10.0


async def measure_freshness(
    client: RequestClient, producer: AIOKafkaProducer, topic: str, item_ids: Sequence[str]
) -> NDArray[np.float64]:
    """Milliseconds, ascending: one visitor likes each of `item_ids` in turn and at once asks what to take next.

    Counts from handing the event to the producer until the reply that holds it is here.
    Raises LoadError if an answer does not hold the event that it had to hold.
    """
    clock = asyncio.get_running_loop().time
    taken = []
    for item_id in item_ids:
        began = clock()
        event = {"event_type": "like", "user_id": VISITOR, "item_id": item_id}
        record = await _published(producer, topic, VISITOR, event)
        own = {"partition": record.partition, "offset": record.offset}
        answer = await client.ask({"kind": "for_user", "user_id": VISITOR, "min_offset": own})
        taken.append((clock() - began) * 1000)
        _check(answer, item_id, record.offset)
    return np.sort(np.array(taken, np.float64))


async def measure_new_items(
    client: RequestClient, producer: AIOKafkaProducer, topic: str, count: int
) -> NDArray[np.float64]:
    """Milliseconds, ascending: `count` items come, one after the other, and the visitor asks what is new.

    Counts from handing the item to the producer until the reply that recommends it is here. Raises LoadError if that
    takes more than 10 s.
    """
    clock = asyncio.get_running_loop().time
    taken = []
    for number in range(count):
        item_id, began = f"new-of-the-demo-{number}", clock()
        item = {"item_id": item_id, "title": f"Novelty {number}", "published_at": int(time.time() * 1000)}
        await _published(producer, topic, item_id, item)
        while item_id not in await _what_is_new(client):
            if clock() - began > NEW_ITEM_TIMEOUT_S:
                raise LoadError(f"{item_id} is not recommended {NEW_ITEM_TIMEOUT_S:.0f} s after it came")
        taken.append((clock() - began) * 1000)
    return np.sort(np.array(taken, np.float64))


async def _what_is_new(client: RequestClient) -> list[str]:
    of_today = {"published_within_days": 1}
    answer = await client.ask({"kind": "for_user", "user_id": VISITOR, "filters": of_today, "limit": 100})
    return [item["item_id"] for item in answer.get("items", ())]


async def _published(producer: AIOKafkaProducer, topic: str, key: str, body: Mapping[str, Any]) -> RecordMetadata:
    try:
        return await producer.send_and_wait(topic, orjson.dumps(body), key=key.encode())
    except KafkaError as error:
        raise LoadError(f"{body} could not be published: {plain(error)}; is Kafka up?") from error


def _check(answer: dict[str, object], item_id: str, offset: int) -> None:
    as_of, items = answer.get("as_of"), answer.get("items")
    held = isinstance(as_of, dict) and as_of["offset"] >= offset
    if not held or not isinstance(items, list) or any(item["item_id"] == item_id for item in items):
        raise LoadError(f"the answer after the like of {item_id} at offset {offset} does not hold it: {answer}")
