"""What a demo measured, as values: the report shows them, tests check them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from load.client.requests import LoadReport
from load.datasets.ratings import Ratings
from models.evaluation.evaluation import Outcomes

RECENT = 8
"""Ratings of a user that are shown."""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """How much a demo does: `share` of the ratings go in flat out, the rest one by one; times in seconds."""

    share: float = 0.9
    rate: float = 50.0
    measure_s: float = 8.0
    tests: int = 1_000
    probes: int = 50
    new_items: int = 20
    list_size: int = 10
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Ingest:
    """One part of the data on its way: published, then folded and indexed; `peak_bytes` of resident memory."""

    records: int
    published_s: float
    done_s: float
    cpu_s: float
    peak_bytes: float

    @property
    def rate(self) -> float:
        """Records a second from the first publication until all are folded, indexed and committed."""
        return self.records / self.done_s

    @property
    def publish_rate(self) -> float:
        """Records a second that Kafka took: the floor."""
        return self.records / self.published_s


@dataclass(frozen=True, slots=True)
class Freshness:
    """`probes_ms` of events and `items_ms` of new items, float64 (n,), ascending.

    The bounds are those of the worker's own histogram of events, in seconds.
    """

    probes_ms: NDArray[np.float64]
    items_ms: NDArray[np.float64]
    worker_p50_s: float
    worker_p99_s: float


@dataclass(frozen=True, slots=True)
class LiveScore:
    """What the worker says of its own lists: choices that it was judged by, and those among the first ten."""

    choices: int
    hits: int
    popular_hits: int
    examples: int


@dataclass(frozen=True, slots=True)
class Example:
    """One user with their answer, and one item with its own."""

    user_id: str
    history: Ratings
    for_user: dict[str, Any]
    item_id: str
    similar: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Streamed:
    """What is measured while broker and worker run; memory in bytes, `outcomes` of events by their name."""

    catalog: Ingest
    ratings: Ingest
    busy: LoadReport
    echo: LoadReport
    idle: LoadReport
    start: int
    tests: frozenset[str]
    ranks: Outcomes
    eval_s: float
    eval_errors: Counter[str]
    live: LiveScore
    freshness: Freshness
    example: Example
    outcomes: dict[str, float]
    dead_letters: float
    empty_bytes: float
    loaded_bytes: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that a demo measured; `offline` and `popular` on the same tests as the streamed ranks."""

    streamed: Streamed
    offline: Outcomes
    popular: Outcomes
    seconds: float
