"""Publish items and an event, ask, and print the answer: python examples/publish_and_ask.py [USER] (touches Kafka).

Needs a broker and a worker (`tastestream broker`, `tastestream worker`) and nothing of this project but them.
KAFKA names the broker, TASTESTREAM_TOPIC_PREFIX what stands before the topics' names.
"""

import asyncio
import json
import os
import sys
import uuid
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

KAFKA = os.environ.get("KAFKA", "127.0.0.1:9092")
PREFIX = os.environ.get("TASTESTREAM_TOPIC_PREFIX", "")
CATALOG, EVENTS, REQUESTS, REPLIES = (
    PREFIX + name for name in ("item-catalog", "user-interactions", "recommendation-requests", "recommendation-replies")
)
REPLY_WITHIN_S = 10.0
ITEMS = [
    {"item_id": "heat", "title": "Heat", "category": "film", "tags": ["crime"]},
    {"item_id": "ronin", "title": "Ronin", "category": "film", "tags": ["crime", "spies"]},
    {"item_id": "alien", "title": "Alien", "category": "film", "tags": ["science fiction"]},
]


async def main(user: str = "example-user") -> None:
    """An event of the user, and a list that is made with it."""
    async with AIOKafkaProducer(bootstrap_servers=KAFKA) as producer:
        for item in ITEMS:
            await publish(producer, CATALOG, item["item_id"], item)
        # The key decides where the user's state is: always the user's id.
        place = await publish(producer, EVENTS, user, {"event_type": "like", "user_id": user, "item_id": "heat"})
        # `min_offset`: the answer holds that very event, however busy the worker is.
        reply = await ask(producer, user, {"user_id": user, "limit": 5, "explain": True, "min_offset": place})
    if "error" in reply:
        sys.exit(f"{reply['error']['code']}: {reply['error']['message']}")
    if not reply["items"]:
        print("No items yet: the first ones are searchable some moments after they were published. Ask again.")
    for found in reply["items"]:
        kinds = ", ".join(reason["kind"] for reason in found["reasons"])
        print(f"{found['rank']}. {found['title'] or found['item_id']}  {found['score']:.3f}  {kinds}")


async def publish(producer: AIOKafkaProducer, topic: str, key: Any, body: Any, headers: Any = ()) -> dict[str, int]:
    """One JSON record; the place where it went, once that is acknowledged."""
    sent = await producer.send_and_wait(topic, json.dumps(body).encode(), key=str(key).encode(), headers=list(headers))
    return {"partition": sent.partition, "offset": sent.offset}


async def ask(producer: AIOKafkaProducer, user: str, body: Any) -> Any:
    """The reply to one request: that with our correlation id, on a topic that others read, too."""
    correlation = uuid.uuid4().bytes
    async with AIOKafkaConsumer(REPLIES, bootstrap_servers=KAFKA) as replies, asyncio.timeout(REPLY_WITHIN_S):
        await replies.seek_to_end()  # before the request: what is published from here on is read
        headers = [("correlation_id", correlation), ("reply_to", REPLIES.encode())]
        await publish(producer, REQUESTS, user, body, headers)
        async for reply in replies:
            if dict(reply.headers).get("correlation_id") == correlation:
                return json.loads(reply.value)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
