"""The log that `tastestream prove` has folded: a data set, and among it what is late, repeated, astray, or of people.

What is mixed in is the crowd of the fault runs, which keeps to what commutes (docs/exactness.md). No I/O.
"""

import random
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson

from load.client.publisher import Record
from load.client.replay import encode_ratings
from load.datasets.dataset import Dataset
from load.faults import crowd
from workers.stream.partitioning import partition_of

CROWD_EVERY = 10
"""One record in so many is of the crowd."""

EVENTS_A_USER = 25
LATE, REPEATED, WITHIN = 0.02, 0.01, 200
"""Shares of the data set's ratings, and within how many records they come late or again."""


def catalog_of(dataset: Dataset) -> list[Record]:
    """The items of both, as records of `item-catalog`."""
    return [(item["item_id"], orjson.dumps(item)) for item in (*dataset.items, *crowd.catalog())]


def log_of(dataset: Dataset, partitions: int, seed: int = 13) -> list[Record]:
    """Records of `user-interactions` in the order of publication, each under the key that says its partition.

    >>> import numpy as np
    >>> from load.datasets.ratings import Ratings
    >>> ones = np.ones(20, dtype=np.int64)
    >>> dataset = Dataset("", [], [], Ratings(ones, np.arange(20), ones.astype(np.float32), np.arange(20)))
    >>> len(log_of(dataset, partitions=4)) >= 22
    True
    """
    rng = random.Random(seed)
    ratings = _disordered(list(encode_ratings(dataset.ratings)), rng)
    people = crowd.events(max(20, len(ratings) // CROWD_EVERY // EVENTS_A_USER), seed)
    mixed = len(ratings) // CROWD_EVERY
    return [*_profiles(dataset), *_mixed(ratings, (_placed(one, partitions) for one in islice(people, mixed)))]


def _profiles(dataset: Dataset) -> Iterator[Record]:
    """At the first rating of all: a release does not say when a profile was filled in."""
    first_ms = int(dataset.ratings.time_ms[0]) if len(dataset.ratings) else 0
    for profile in dataset.profiles:
        body: dict[str, Any] = {**profile, "event_time": first_ms}
        yield body["user_id"], orjson.dumps(body)


def _disordered(records: list[Record], rng: random.Random) -> list[Record]:
    """The same records, some of them later than their time, some twice."""
    placed = [(float(n), record) for n, record in enumerate(records)]
    late = [(at + rng.uniform(0, WITHIN) * (rng.random() < LATE), record) for at, record in placed]
    again = [(at + rng.uniform(0, WITHIN), record) for at, record in placed if rng.random() < REPEATED]
    return [record for _, record in sorted([*late, *again], key=lambda one: one[0])]


def _mixed(records: Iterable[Record], others: Iterator[Record]) -> Iterator[Record]:
    for number, record in enumerate(records, start=1):
        yield record
        if number % CROWD_EVERY == 0:
            yield from islice(others, 1)


def _placed(one: crowd.Publication, partitions: int) -> Record:
    """A record that is to lie astray gets a key that is not its user's."""
    key, home = one.key, partition_of(one.key, partitions)
    number = 0
    while one.astray and partitions > 1 and partition_of(key, partitions) == home:
        number += 1
        key = f"{one.key} {number}"
    return key, one.value
