"""Clients that give a worker something of everything to do, good and bad (touches Kafka)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from load.client.client import RequestClient, request_client
from workers.records.request import KINDS
from workers.topics import Topics

USERS, ITEMS = 10, 20
EVENT_TYPES = ("view", "click", "add_to_cart", "purchase", "like", "impression")
ABOUT: dict[str, dict[str, Any]] = {
    "similar_items": {"item_ids": ["i1"]},
    "bought_together": {"item_ids": ["i1"]},
    "search": {"text": "title"},
}
TRIAL = {
    "name": "trial",
    "variants": [{"name": "as-now"}, {"name": "fixed", "shadow": True, "settings": {"ranker": "fixed"}}],
}
PAUSE_S = 0.2  # between rounds: enough traffic for rates, little enough to leave the machine to the others
REPLY_TIMEOUT_S = 15.0


@asynccontextmanager
async def steady_traffic(bootstrap: str, topics: Topics) -> AsyncIterator[None]:
    """Rounds of events and requests of every kind, good and bad, for as long as the block lasts."""
    async with (
        AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=0) as producer,
        request_client(bootstrap, topics.recommendation_requests, topics.recommendation_replies) as client,
    ):
        await _publish_items(producer, topics)
        await producer.send_and_wait(topics.experiments, orjson.dumps(TRIAL), key=b"trial")
        rounds = asyncio.create_task(_rounds(producer, client, topics))
        try:
            yield
        finally:
            rounds.cancel()
            # A round that failed fails the test; the cancellation is ours.
            outcome = (await asyncio.gather(rounds, return_exceptions=True))[0]
        assert isinstance(outcome, asyncio.CancelledError), outcome


async def _rounds(producer: AIOKafkaProducer, client: RequestClient, topics: Topics) -> None:
    for number in count():
        user = f"u{number % USERS}"
        for position, event_type in enumerate(EVENT_TYPES):
            event = _event(number, event_type, (number + position) % ITEMS)
            # Every other round says everything twice: duplicates.
            for _ in range(1 + number % 2):
                await producer.send(topics.user_interactions, orjson.dumps(event), key=user.encode())
        await producer.send(topics.user_interactions, b"{not json", key=user.encode())
        # A new user, whose second event is a choice: those above have seen every item soon.
        for item in (number % ITEMS, (number + 1) % ITEMS):
            chosen = _event(number, "view", item)
            await producer.send(topics.user_interactions, orjson.dumps(chosen), key=f"new-{number}".encode())
        await asyncio.gather(*(client.ask(question, REPLY_TIMEOUT_S) for question in _questions(user)))
        await asyncio.sleep(PAUSE_S)


def _event(number: int, event_type: str, item: int) -> dict[str, Any]:
    return {"event_id": f"{number}-{item}", "event_type": event_type, "item_id": f"i{item}"}


def _questions(user: str) -> list[dict[str, Any]]:
    return [
        *({"kind": kind, "user_id": user, **ABOUT.get(kind, {})} for kind in KINDS),
        {"kind": "no_such_kind"},
        {"kind": "for_user", "user_id": user, "limit": -1},
    ]


async def _publish_items(producer: AIOKafkaProducer, topics: Topics) -> None:
    for number in range(ITEMS):
        item = {"item_id": f"i{number}", "title": f"Title {number}", "category": f"c{number % 3}", "price": 10 + number}
        await producer.send_and_wait(topics.item_catalog, orjson.dumps(item), key=f"i{number}".encode())
