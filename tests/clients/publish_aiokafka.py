"""A client: one view a user, `KEYS` says which key it uses (a process; touches Kafka)."""

import asyncio
import json
import os
import sys

from aiokafka import AIOKafkaProducer


def key_of(user: str) -> bytes | None:
    """The user's id, another one's, or none."""
    return {"right": user.encode(), "wrong": user[::-1].encode(), "none": None}[os.environ["KEYS"]]


async def main(topic: str, item: str, *users: str) -> None:
    """Publish, and end when all is acknowledged."""
    async with AIOKafkaProducer(bootstrap_servers=os.environ["KAFKA"]) as producer:
        for user in users:
            event = {"event_type": "view", "user_id": user, "item_id": item}
            await producer.send_and_wait(topic, json.dumps(event).encode(), key=key_of(user))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
