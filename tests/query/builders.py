"""A small catalog whose answers are known: real rows behind a real pipeline over the memory index."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from models.primitives.words import WordRarity
from models.ranking.ranker import OnlineRanker
from models.state import user_state
from models.state.evidence import Evidence
from models.state.user_state import UserState
from tests.models.builders import event
from workers.index.memory import MemoryIndex
from workers.index.port import Index
from workers.index.types import Point, Vector
from workers.items.items import Items
from workers.items.points import EMBEDDING, WORDS, ItemPoints
from workers.items.slots import VectorRecord
from workers.metrics import Metrics
from workers.recommend.controls import Controls, RuleBook
from workers.recommend.pipeline import Pipeline
from workers.recommend.question import Question
from workers.recommend.search import SearchedIndex
from workers.records.experiment import AS_DEPLOYED, VariantSettings
from workers.records.item import entry_of
from workers.records.item_update import decode_item_event
from workers.records.reply import Reply
from workers.records.request import Request, decode_request
from workers.scheduling import Scheduler
from workers.stream.partitioning import partition_of
from workers.stream.table import Table

CLUSTER = 8
DIM = 16
NOW_MS = 1_714_564_800_000
PARTITIONS = 2

_offsets = iter(range(1_000_000))


@dataclass(slots=True)
class World:
    """What answers are made from; a worker that owns every partition has the same."""

    items: Items
    users: Table[UserState]
    points: ItemPoints
    index: Index
    words: WordRarity = field(default_factory=WordRarity)
    fusion: OnlineRanker = field(default_factory=OnlineRanker)
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))
    rules: RuleBook = field(default_factory=lambda: RuleBook(Controls()))
    evidence: list[Evidence] = field(default_factory=list)
    now_s: float = 0.0
    away: bool = False
    learned_space: str | None = None

    @property
    def pipeline(self) -> Pipeline:
        """Answers from this world."""
        return self.pipeline_over(self.index)

    def pipeline_over(self, index: Any) -> Pipeline:
        """The same over another index. Each has its own moment: lists of popular items are never older than it."""
        searched = SearchedIndex(
            index,
            self.words.idf_of,
            learned_space=lambda: self.learned_space,
            learned_dim=self.points.schema.dense["collaborative_a"].dim,
            away=lambda: self.away,
            compared=0,
        )
        return Pipeline(self.items, searched, self.fusion, self.metrics, self.rules.of, clock=self._clock)

    def user(self, user_id: str) -> UserState | None:
        """A user's row."""
        return self.users.partitions[partition_for(user_id)].get(user_id)

    def _clock(self) -> float:
        self.now_s += 1.0
        return self.now_s


async def empty_world(dim: int = DIM, index: Index | None = None) -> World:
    """Nothing is known yet."""
    points = ItemPoints(dim)
    items = Items("entries", "counts", dim, points.embed, PARTITIONS, Scheduler())
    items.entries.partitions = {number: items.entries.blank_partition() for number in range(PARTITIONS)}
    items.counts.partitions = {number: items.counts.blank_partition() for number in range(PARTITIONS)}
    users = Table(
        "users",
        lambda key, packed: UserState.unpack(packed),
        lambda key: UserState(),
        kind=user_state.KIND,
        version=user_state.VERSION,
    )
    users.partitions = {number: users.blank_partition() for number in range(PARTITIONS)}
    world = World(items, users, points, index or MemoryIndex())
    await world.index.ensure(points.schema)
    return world


@asynccontextmanager
async def two_clusters() -> AsyncIterator[World]:
    """Items red-0… and blue-0…: members buy those of one colour in a row; u has had red-0 and red-1."""
    world = await empty_world()
    names = [f"{colour}-{n}" for colour in ("red", "blue") for n in range(CLUSTER)]
    await describe(
        world,
        *(
            {"item_id": name, "title": name, "category": name.split("-")[0], "price": price}
            for price, name in enumerate(names)
        ),
    )
    touched = [
        (f"m{n % 4}-{colour}", f"{colour}-{(n + n // 4) % CLUSTER}") for colour in ("red", "blue") for n in range(32)
    ]
    await touch(world, [*touched, ("u", "red-0"), ("u", "red-1")])
    await fold(world)
    yield world


async def describe(world: World, *items: dict[str, Any]) -> None:
    """Catalog records, in the index when this returns."""
    for item in items:
        restate(world, **item)
    await world.index.upsert([_point(world, item["item_id"]) for item in items])


async def learn_vector(world: World, item_id: str, vector: NDArray[np.float32]) -> None:
    """A learned vector of version 1, in the index when this returns."""
    row = world.items.entries.partitions[partition_for(item_id)].change(item_id)
    row.slots.take(VectorRecord(item_id, "a", 1, vector))
    point = _point(world, item_id)
    await world.index.upsert([replace(point, vectors={**point.vectors, "collaborative_a": vector})])


def delete(world: World, item_id: str) -> None:
    """A catalog record without a value, as the rows have it; the index does not know yet."""
    row = world.items.entries.partitions[partition_for(item_id)].change(item_id)
    row.describe(None, next(_offsets))
    world.items.described(item_id, row)


def restate(world: World, **item: Any) -> None:
    """A catalog record, as the rows have it; the index does not know yet."""
    item_id = item["item_id"]
    decoded: Any = decode_item_event(orjson.dumps(item), item_id.encode())
    row = world.items.entries.partitions[partition_for(item_id)].change(item_id)
    row.describe(orjson.dumps(entry_of(decoded)), next(_offsets))
    world.items.described(item_id, row)


async def touch(
    world: World,
    touched: Sequence[tuple[str, str]],
    event_type: str = "purchase",
    at_ms: int = NOW_MS - 60_000,
    value: float | None = None,
) -> None:
    """Events of (user, item) in this order, one ms after the other from `at_ms` on."""
    for position, (user_id, item_id) in enumerate(touched):
        partition = partition_for(user_id)
        user = world.users.partitions[partition].change(user_id)
        told = event(
            item_id,
            next(_offsets),
            user_id=user_id,
            kind=event_type,
            value=value,
            time_ms=at_ms + position,
            partition=partition,
        )
        evidence = user.fold(told, world.items.table.vector(item_id))
        if evidence is not None:
            world.evidence.append(evidence)


async def fold(world: World) -> None:
    """Bring the evidence sent so far to its items."""
    for evidence in world.evidence:
        use = world.items.counts.partitions[partition_for(evidence.item_id)].change(evidence.item_id)
        use.apply(evidence)
        world.items.table.use.note(use)
    world.evidence.clear()


def request(**body: Any) -> Request:
    """A request as it comes off the wire, for user u unless it says otherwise."""
    return decode_request(orjson.dumps({"user_id": "u", **body}), None, NOW_MS)


def question(
    world: World, asked: Request, recommendation_id: str = "r1", settings: VariantSettings = AS_DEPLOYED
) -> Question:
    """A request with the row of its user."""
    return Question(asked, recommendation_id, world.user(asked.subject), partition_for(asked.subject), settings)


async def answer(world: World, **body: Any) -> Reply:
    """The reply to one request."""
    return await world.pipeline.answer(question(world, request(**body)))


def partition_for(key: str) -> int:
    """Where a user's or an item's row is."""
    return partition_of(key, PARTITIONS)


def _point(world: World, item_id: str) -> Point:
    entry, vectors = world.items.entry(item_id), dict[str, Vector]()
    words = vectors[WORDS] = world.points.words(item_id, entry)
    world.words.learn_one(words.indices)
    embedding = world.items.table.vector(item_id)
    if embedding is not None and embedding.any():
        vectors[EMBEDDING] = embedding
    payload = {name: entry[name] for name in ("category", "tags", "price", "published_at") if name in entry}
    given = entry.get("attributes", {}).items()
    payload["attributes"] = {name: int(one) if isinstance(one, bool) else one for name, one in given}
    return Point(item_id, vectors, {**payload, "available": int(entry.get("available", True))})
