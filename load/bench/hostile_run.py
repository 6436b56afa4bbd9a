"""Good records between as many hostile ones: did each take effect or get refused, at what cost (touches Kafka)."""

import asyncio
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import orjson
from aiokafka import AIOKafkaProducer

from load.bench.hostile import Hostile, hostile_events, hostile_evidence, hostile_items, hostile_requests
from load.bench.hostile_guidance import MADE_MS, corpora, good_guidance, hostile_vectors
from load.bench.path_speed import POLL_EVERY_S, caught_up
from load.client.client import CORRELATION_HEADER, REPLY_TO_HEADER, RequestClient, request_client
from load.client.kafka import bulk_producer, ensure_own_topics, records_ever
from load.client.scrape import Scrape
from load.client.worker_process import WorkerProcess
from load.datasets.errors import LoadError
from workers.stream.partitioning import partition_of
from workers.topics import Topics

HISTORY = 200
"""Events a user has before the run: rows are at their bounds then, so what grows is not state."""
ITEMS_PER_USER = 5
FOLLOWED = 4
"""Topics that every worker follows."""
BATCH = 500
ANSWERS_TIMEOUT_S = 60.0
REPLIES = "hostile-replies"


@dataclass(frozen=True, slots=True)
class Shares:
    """How many hostile records each topic gets; as many good ones go between them."""

    events: int
    items: int
    evidence: int
    requests: int
    vectors: int
    guidance: int
    users: int

    @classmethod
    def of(cls, total: int, users: int) -> "Shares":
        """Most are events, as in life; `guidance` goes to each of the four topics that every worker follows.

        `users` and five times as many items are known before.
        """
        items, evidence, requests = total * 15 // 100, total * 10 // 100, total * 5 // 100
        vectors = guidance = total * 5 // 100
        events = total - items - evidence - requests - vectors - FOLLOWED * guidance
        return cls(events, items, evidence, requests, vectors, guidance, users)

    @property
    def known_items(self) -> int:
        """Items in the catalog before the run."""
        return self.users * ITEMS_PER_USER

    @property
    def total(self) -> int:
        """Hostile records of all topics."""
        return self.events + self.items + self.evidence + self.requests + self.vectors + FOLLOWED * self.guidance


@dataclass(frozen=True, slots=True)
class HostileRun:
    """What came of it; all are counts but the two memories, in bytes without mapped files.

    `refused`: dead letters about records of agents' topics. `skipped` of `to_skip` records of followed topics were
    counted as such; `guided`: good records there, of three, that are in force after it.
    """

    hostile: int
    good_events: int
    applied: int
    good_items: int
    items_known: int
    requests: int
    replies: int
    refused: int
    ignored: int
    skipped: int
    to_skip: int
    guided: int
    grown_bytes: float
    peak_bytes: float


def good_events(shares: Shares, count: int, start: int) -> Iterator[Hostile]:
    """Views of known users on known items, each with an id of its own."""
    for number in range(start, start + count):
        user = f"user-{number % shares.users}"
        body = {
            "event_id": f"e{number}",
            "event_type": "view",
            "user_id": user,
            "item_id": f"item-{(number // shares.users * 7 + number) % shares.known_items}",
        }
        yield Hostile(user.encode(), orjson.dumps(body))


def good_items(shares: Shares, count: int) -> Iterator[Hostile]:
    """Descriptions of the known items, over and over: prices change."""
    for number in range(count):
        item_id = f"item-{number % shares.known_items}"
        body = {"item_id": item_id, "title": item_id, "category": "good", "price": number}
        yield Hostile(item_id.encode(), orjson.dumps(body))


async def hostile_run(worker: WorkerProcess, shares: Shares, seed: int, on_sent: Callable[[int], None]) -> HostileRun:
    """Fill the worker's rows, then mix; returns when all is folded and every request has a reply.

    `on_sent` hears how many records went out. Raises LoadError if replies don't come.
    """
    topics = Topics(worker.settings.topic_prefix)
    bootstrap = worker.settings.bootstrap_servers
    await ensure_own_topics(bootstrap, [REPLIES], worker.settings.user_partitions)
    async with bulk_producer(bootstrap) as producer:
        mixer = Mixer(producer, worker.settings.user_partitions, corpora(topics))
        await mixer.send(topics.item_catalog, good_items(shares, shares.known_items))
        await mixer.send(topics.user_interactions, good_events(shares, shares.users * HISTORY, 0))
        await caught_up(worker)
        before, letters = worker.scrape(), await records_ever(bootstrap, topics.dead_letters)
        empty = peak = worker.anonymous_bytes()
        for topic, records in _mixtures(topics, shares, seed).items():
            while piece := list(islice(records, BATCH)):
                on_sent(await mixer.send(topic, piece))
                peak = max(peak, worker.anonymous_bytes())
        for topic, good in good_guidance(topics).items():
            await mixer.send(topic, good)
        await caught_up(worker)
        replies = await _until_answered(bootstrap, 2 * shares.requests)
        after = await _until_guided(worker, before, FOLLOWED * shares.guidance)
    grown = worker.anonymous_bytes() - empty
    async with request_client(bootstrap, topics.recommendation_requests, REPLIES) as client:
        known = await _known(client, shares.known_items)
    return HostileRun(
        hostile=shares.total,
        good_events=shares.events,
        applied=_outcomes(after, "applied") - _outcomes(before, "applied"),
        good_items=shares.known_items,
        items_known=known,
        requests=2 * shares.requests,
        replies=replies,
        refused=await records_ever(bootstrap, topics.dead_letters) - letters - _letters_of_guidance(after, topics),
        ignored=_outcomes(after, "ignored") - _outcomes(before, "ignored"),
        skipped=_skipped(after) - _skipped(before),
        to_skip=FOLLOWED * shares.guidance,
        guided=_guided(after),
        grown_bytes=grown,
        peak_bytes=max(peak - empty, grown),
    )


class Mixer:
    """Publishes records of any bytes: those with a key of text where the key belongs, others in turn."""

    def __init__(self, producer: AIOKafkaProducer, partitions: int, single: Container[str] = ()) -> None:
        """`single`: topics that have one partition only."""
        self._producer = producer
        self._partitions = partitions
        self._single = single
        self._turn = 0

    async def send(self, topic: str, records: Iterable[Hostile]) -> int:
        """Publish in this order within each partition; returns how many, once all are acknowledged."""
        sent = []
        for record in records:
            partition = 0 if topic in self._single else self._partition_of(record)
            sent.append(
                await self._producer.send(
                    topic, record.value, key=record.key, partition=partition, headers=list(record.headers)
                )
            )
        await asyncio.gather(*sent)
        return len(sent)

    def _partition_of(self, record: Hostile) -> int:
        self._turn += 1
        try:
            return partition_of(record.key.decode(), self._partitions) if record.key else self._turn % self._partitions
        except UnicodeDecodeError:
            return self._turn % self._partitions


def _mixtures(topics: Topics, shares: Shares, seed: int) -> dict[str, Iterator[Hostile]]:
    start = shares.users * HISTORY
    return {
        topics.item_catalog: _alternating(hostile_items(shares.items, seed), good_items(shares, shares.items)),
        topics.user_interactions: _alternating(
            hostile_events(shares.events, seed), good_events(shares, shares.events, start)
        ),
        topics.item_transitions: hostile_evidence(shares.evidence, seed),
        topics.item_vectors: hostile_vectors(shares.vectors, seed),
        topics.recommendation_requests: _addressed(
            _alternating(hostile_requests(shares.requests, seed), _good_requests(shares))
        ),
        **{topic: hostile(shares.guidance, seed) for topic, hostile in corpora(topics).items()},
    }


def _alternating(bad: Iterable[Hostile], good: Iterable[Hostile]) -> Iterator[Hostile]:
    for pair in zip(bad, good, strict=True):
        yield from pair


def _good_requests(shares: Shares) -> Iterator[Hostile]:
    for number in range(shares.requests):
        user = f"user-{number % shares.users}"
        yield Hostile(user.encode(), orjson.dumps({"kind": "for_user", "user_id": user, "limit": 5}))


def _addressed(records: Iterable[Hostile]) -> Iterator[Hostile]:
    """Requests whose replies can be distinguished from all others."""
    for number, record in enumerate(records):
        address = ((REPLY_TO_HEADER, REPLIES.encode()), (CORRELATION_HEADER, b"%d" % number))
        yield replace(record, headers=(*record.headers, *address))


async def _until_answered(bootstrap: str, wanted: int) -> int:
    deadline = asyncio.get_running_loop().time() + ANSWERS_TIMEOUT_S
    while (replies := await records_ever(bootstrap, REPLIES)) < wanted:
        if asyncio.get_running_loop().time() > deadline:
            raise LoadError(f"{wanted - replies} of {wanted} requests got no reply within {ANSWERS_TIMEOUT_S:.0f} s")
    return replies


async def _known(client: RequestClient, items: int) -> int:
    """How many of the good items can be asked about."""
    waiting = [
        await client.send({"kind": "similar_items", "item_ids": [f"item-{number}"], "limit": 1})
        for number in range(items)
    ]
    answers = [orjson.loads((await reply).value) for reply in waiting]
    return sum("error" not in answer for answer in answers)


async def _until_guided(worker: WorkerProcess, before: Scrape, skipped: int) -> Scrape:
    """Wait until all hostile records of followed topics are counted; the worker's metrics then."""
    deadline = asyncio.get_running_loop().time() + ANSWERS_TIMEOUT_S
    while True:
        scrape = await asyncio.to_thread(worker.scrape)
        if _skipped(scrape) - _skipped(before) >= skipped and _guided(scrape) == 3:
            return scrape
        if asyncio.get_running_loop().time() > deadline:
            return scrape
        await asyncio.sleep(POLL_EVERY_S)


def _skipped(scrape: Scrape) -> int:
    return int(scrape.total("tastestream_guidance_skipped_total"))


def _guided(scrape: Scrape) -> int:
    """Of rules, experiment and version: how many are those of `good_guidance`."""
    found = (
        scrape.total("tastestream_rules_scenarios") == 1,
        scrape.total("tastestream_experiments", state="running") == 1,
        scrape.total("tastestream_item_vectors_made_timestamp_seconds") == MADE_MS / 1000,
    )
    return sum(found)


def _letters_of_guidance(scrape: Scrape, topics: Topics) -> int:
    return int(sum(scrape.total("tastestream_dead_letters_total", topic=topic) for topic in corpora(topics)))


def _outcomes(scrape: Scrape, outcome: str) -> int:
    return int(scrape.total("tastestream_events_total", outcome=outcome))
