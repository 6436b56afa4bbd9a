"""From the publication of an event until an answer holds it, as a client sees it (touches Kafka)."""

import asyncio
from collections.abc import Sequence

import numpy as np
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from numpy.typing import NDArray

from load.client import RequestClient
from load.errors import LoadError

VISITOR = "visitor-of-the-demo"


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
        try:
            record = await producer.send_and_wait(topic, orjson.dumps(event), key=VISITOR.encode())
        except KafkaError as error:
            raise LoadError(f"the like of {item_id} could not be published: {error!r}; is Kafka up?") from error
        own = {"partition": record.partition, "offset": record.offset}
        answer = await client.ask({"kind": "for_user", "user_id": VISITOR, "min_offset": own})
        taken.append((clock() - began) * 1000)
        _check(answer, item_id, record.offset)
    return np.sort(np.array(taken, np.float64))


def _check(answer: dict[str, object], item_id: str, offset: int) -> None:
    as_of, items = answer.get("as_of"), answer.get("items")
    held = isinstance(as_of, dict) and as_of["offset"] >= offset
    if not held or not isinstance(items, list) or any(item["item_id"] == item_id for item in items):
        raise LoadError(f"the answer after the like of {item_id} at offset {offset} does not hold it: {answer}")
