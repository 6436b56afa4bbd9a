"""Publishes a data set as a stream: the catalog, then what users did, in time order (touches Kafka).

Records carry the time of their publication, and the event's own time in the body: one stamped 1995 would be
deleted by the topic's retention at once. A crash or an outage may publish a few records twice, with the same
`event_id`; none is left out.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from aiokafka.errors import KafkaError
from numpy.typing import NDArray
from rich.console import Console

from load.client.journal import Journal
from load.client.kafka import Bootstrap, bulk_producer, records_ever
from load.client.publisher import Acknowledgements, Publisher, Record
from load.datasets.dataset import Dataset
from load.datasets.errors import LoadError
from load.datasets.ratings import Ratings
from workers.admin.bars import rate_bar
from workers.messages.waiting import plain

# Records a turn: enough to fill batches over 8 partitions, few enough to encode in about 10 ms.
CHUNK = 5_000
# Turns on their way at once: one is acknowledged while the next is encoded.
IN_FLIGHT = 2


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What one run published; `resumed_at` is the position where it began, `seconds` is wall time."""

    published: int
    resumed_at: int
    seconds: float

    @property
    def events_per_s(self) -> float:
        """Rate of this run."""
        return self.published / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the replay that goes to one topic; paced by `time_ms` (ascending) where it is given."""

    topic: str
    size: int
    encode: Callable[[int, int], Iterator[Record]]
    time_ms: NDArray[np.int64] | None = None


async def replay(
    dataset: Dataset,
    *,
    bootstrap: Bootstrap,
    catalog_topic: str,
    interactions_topic: str,
    speed: float | None = None,
    progress_file: Path | None = None,
    console: Console | None = None,
) -> ReplayResult:
    """Publishes all of `dataset`, flat out or at `speed` × real time; returns when all is acknowledged.

    With a progress file a later call goes on after the last acknowledged record.
    Raises LoadError if Kafka fails, or if the file belongs to other data or to topics that are gone.
    """
    if speed is not None and speed <= 0:
        raise LoadError(f"a replay at {speed} × real time never ends; give a speed above 0, or none for flat out")
    sections = _sections(dataset, catalog_topic, interactions_topic)
    identity = f"{dataset.fingerprint()} {catalog_topic} {interactions_topic}"
    journal = Journal.open(progress_file, identity)
    await _check_topics(bootstrap, sections, journal)
    began, resumed_at = _now(), journal.position
    with rate_bar(console) as bar:
        total = sum(section.size for section in sections)
        task = bar.add_task(f"Replaying {dataset.name}", total=total, completed=resumed_at)
        async with bulk_producer(bootstrap) as producer:
            run = _Run(Publisher(producer), journal, lambda position: bar.update(task, completed=position))
            await run.publish(sections, speed)
    return ReplayResult(journal.position - resumed_at, resumed_at, _now() - began)


async def _check_topics(bootstrap: Bootstrap, sections: list[Section], journal: Journal) -> None:
    """A topic that was created again lacks what the journal says is there: going on would leave records out."""
    acknowledged: Counter[str] = Counter()
    left = journal.position
    for section in sections:
        acknowledged[section.topic] += min(section.size, left)
        left -= min(section.size, left)
    for topic, count in acknowledged.items():
        if count and await records_ever(bootstrap, topic) < count:
            raise LoadError(
                f"topic {topic} never held the {count} records that {journal.path} says were acknowledged: "
                "it was created again, so delete the file to start over"
            )


class _Run:
    """The records on their way, and the journal behind them."""

    def __init__(self, publisher: Publisher, journal: Journal, show: Callable[[int], None]) -> None:
        self._publisher = publisher
        self._journal = journal
        self._show = show
        self._on_their_way: deque[tuple[int, Acknowledgements]] = deque()

    async def publish(self, sections: list[Section], speed: float | None) -> None:
        first = 0
        try:
            for section in sections:
                await self._publish_section(section, first, speed)
                first += section.size
        except KafkaError as error:
            raise LoadError(
                f"the replay broke off after {self._journal.position} acknowledged records: {plain(error)}; "
                "check that Kafka is up, then start the replay again"
            ) from error

    async def _publish_section(self, section: Section, first: int, speed: float | None) -> None:
        start = max(self._journal.position - first, 0)
        pace = _Pace(section, start, speed)
        while start < section.size:
            stop = await pace.next_stop(start)
            sent = await self._publisher.send(section.topic, section.encode(start, stop))
            self._on_their_way.append((first + stop, sent))
            await self._settle(IN_FLIGHT if pace.speed is None else 0)
            start = stop
        await self._settle(0)

    async def _settle(self, left: int) -> None:
        """Waits until at most `left` turns are on their way; the journal only follows acknowledgements."""
        while len(self._on_their_way) > left:
            position, sent = self._on_their_way.popleft()
            await asyncio.gather(*sent)
            self._journal.acknowledge(position)
            self._show(position)


class _Pace:
    """When records are due; a resumed replay goes on as if no time had passed."""

    def __init__(self, section: Section, start: int, speed: float | None) -> None:
        self.speed = speed if section.time_ms is not None else None
        self._section = section
        self._begin = start
        self._began = _now()

    async def next_stop(self, start: int) -> int:
        """End of the turn that begins at `start`, once its first record is due."""
        furthest = min(start + CHUNK, self._section.size)
        if self.speed is None or self._section.time_ms is None:
            return furthest
        times = self._section.time_ms
        wait_s = self._began + (times[start] - times[self._begin]) / 1000 / self.speed - _now()
        await asyncio.sleep(max(wait_s, 0.0))
        stop = due(times, self._begin, _now() - self._began, self.speed)
        return max(min(stop, furthest), start + 1)


def due(time_ms: NDArray[np.int64], begin: int, elapsed_s: float, speed: float) -> int:
    """How many events are due when `elapsed_s` have passed since event `begin`, at `speed` × real time.

    >>> due(np.array([0, 1_000, 2_000, 9_000]), 0, 0.2, 10.0)
    3
    """
    return int(np.searchsorted(time_ms, time_ms[begin] + elapsed_s * 1000 * speed, side="right"))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _sections(dataset: Dataset, catalog_topic: str, interactions_topic: str) -> list[Section]:
    ratings = dataset.ratings
    # A release does not say when a profile was filled in: at the first rating of all, then, and before it.
    first_ms = int(ratings.time_ms[0]) if len(ratings) else 0
    profiles = [{**profile, "event_time": first_ms} for profile in dataset.profiles]
    return [
        Section(catalog_topic, len(dataset.items), _encoder("item_id", dataset.items)),
        Section(interactions_topic, len(profiles), _encoder("user_id", profiles)),
        Section(
            interactions_topic,
            len(ratings),
            lambda start, stop: encode_ratings(ratings[start:stop]),
            ratings.time_ms,
        ),
    ]


def _encoder(key: str, bodies: list[dict[str, Any]]) -> Callable[[int, int], Iterator[Record]]:
    return lambda start, stop: ((body[key], orjson.dumps(body)) for body in bodies[start:stop])


def encode_ratings(ratings: Ratings) -> Iterator[Record]:
    """Each rating as key and body of a `rating` event; the same rating always has the same `event_id`."""
    columns = (ratings.user, ratings.item, ratings.value, ratings.time_ms)
    for user, item, value, time_ms in zip(*(column.tolist() for column in columns), strict=True):
        user_id = str(user)
        body = {
            "event_id": f"{user}-{item}-{time_ms}",
            "event_type": "rating",
            "user_id": user_id,
            "item_id": str(item),
            "value": value,
            "event_time": time_ms,
        }
        yield user_id, orjson.dumps(body)
