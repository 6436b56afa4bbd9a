"""Test-then-learn through the stream: each question is asked before its event is published (touches Kafka).

The protocol is `models.evaluation.evaluation.prequential`, the same for the worker as for recommenders that are driven
offline, so their figures on one sample of events can be compared.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from math import sqrt
from typing import Any, TypeVar

import numpy as np
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from load.client.client import RequestClient
from load.client.replay import encode_ratings
from load.datasets.dataset import Dataset
from load.datasets.errors import LoadError
from load.datasets.ratings import Ratings
from models.evaluation.evaluation import LIKED_FROM, Outcomes, Recommends, Record, prequential
from workers.messages.waiting import plain

T = TypeVar("T")

# Far above any answer or acknowledgement; past it something hangs.
TIMEOUT_S = 30.0


def as_events(ratings: Ratings) -> Iterator[dict[str, Any]]:
    """Ratings as the events that a replay publishes."""
    return (orjson.loads(body) for _, body in encode_ratings(ratings))


def catalog_of(dataset: Dataset) -> list[dict[str, Any]]:
    """The items as an offline recommender takes them, under the categories that the worker gives them."""
    return [{"item_id": item["item_id"], "title": item["title"], "genres": item["tags"]} for item in dataset.items]


def cut(ratings: Ratings, share: float) -> int:
    """Position at about `share` of the ratings (in time order) where a second begins: ties stay together."""
    second = ratings.time_ms // 1000
    return int(np.searchsorted(second, second[min(int(len(ratings) * share), len(ratings) - 1)]))


def sample_tests(ratings: Ratings, start: int, size: int, seed: int) -> frozenset[str]:
    """Ids of at most `size` events from position `start` on: liked, of users known since an earlier second."""
    second = ratings.time_ms // 1000
    _, first, user = np.unique(ratings.user, return_index=True, return_inverse=True)
    eligible = (ratings.value >= LIKED_FROM) & (second > second[first][user])
    eligible[:start] = False
    positions = np.flatnonzero(eligible)
    chosen = np.random.default_rng(seed).choice(positions, min(size, len(positions)), replace=False)
    return frozenset(event["event_id"] for event in as_events(ratings[chosen]))


def evaluate(recommender: Recommends, ratings: Ratings, tests: frozenset[str], k: int = 10) -> Outcomes:
    """Ranks of the events named in `tests`, with all `ratings` (in time order) learned one after another."""
    return prequential(recommender, as_events(ratings), k, lambda event: event["event_id"] in tests)


class StreamedRecommender:
    """The worker behind Kafka as something that can be evaluated; used from a thread beside the event loop.

    The first `published` events are in the stream, and folded, before: observing them does nothing. `errors`
    counts error replies by code; a question that got one is a miss.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: RequestClient,
        producer: AIOKafkaProducer,
        topic: str,
        *,
        published: int,
        on_answer: Callable[[], None],
    ) -> None:
        self.errors: Counter[str] = Counter()
        self._loop = loop
        self._client = client
        self._producer = producer
        self._topic = topic
        self._published = published
        self._on_answer = on_answer
        self._waiting: list[Record] = []
        self._latest: dict[str, dict[str, int]] = {}
        self._closed = False

    def close(self) -> None:
        """Later requests get an error: the thread of a run that was broken off must end."""
        self._closed = True

    def observe(self, event: Record) -> None:
        """Publish the event, at the latest before the next question."""
        if self._published:
            self._published -= 1
        else:
            self._waiting.append(event)

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """Ask the worker for an answer that holds the user's last event; raises LoadError if none comes."""
        return self._run(self._ask(user_id, k, now))

    def flush(self) -> None:
        """Publish what was observed since the last question."""
        self._run(self._publish())

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._closed:
            coroutine.close()
            raise LoadError("the evaluation was broken off")
        running = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return running.result(TIMEOUT_S)
        except TimeoutError as error:
            running.cancel()
            raise LoadError(f"Kafka took no event and gave no answer for {TIMEOUT_S:.0f} s; is it up?") from error

    async def _ask(self, user_id: str, k: int, now: int) -> list[str]:
        await self._publish()
        body: dict[str, Any] = {"kind": "for_user", "user_id": user_id, "limit": k, "event_time": now}
        if user_id in self._latest:
            body["min_offset"] = self._latest[user_id]
        answer = await self._client.ask(body)
        self._on_answer()
        if "error" in answer:
            self.errors[str(answer["error"].get("code"))] += 1
            return []
        return [str(item["item_id"]) for item in answer["items"]]

    async def _publish(self) -> None:
        events, self._waiting = self._waiting, []
        try:
            sent = [
                await self._producer.send(self._topic, orjson.dumps(event), key=event["user_id"].encode())
                for event in events
            ]
            for event, record in zip(events, await asyncio.gather(*sent), strict=True):
                self._latest[event["user_id"]] = {"partition": record.partition, "offset": record.offset}
        except KafkaError as error:
            raise LoadError(f"an event could not be published: {plain(error)}; check that Kafka is up") from error


def interval_95(hits: int, tests: int) -> tuple[float, float]:
    """Bounds of a rate (E. B. Wilson, 1927): right also for rates near 0, and never outside 0 to 1.

    >>> [round(bound, 3) for bound in interval_95(100, 1_000)]
    [0.083, 0.12]
    """
    if not tests:
        return 0.0, 1.0
    z = 1.959964
    rate, room = hits / tests, z * z / tests
    middle, reach = rate + room / 2, z * sqrt(rate * (1 - rate) / tests + room / tests / 4)
    return (middle - reach) / (1 + room), (middle + reach) / (1 + room)
