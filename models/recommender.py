"""The recommender without a stream: the same states, sources and ranking, driven by plain calls."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import event_hash, item_key
from models.primitives.sparse import SparseVector
from models.primitives.text import TEXT_DIM, ItemText, embed_item
from models.ranking.explain import Evidences, Reason, explain
from models.ranking.fusion import Fusion, LearningFusion, Scores, Situation
from models.ranking.ranker import OnlineRanker
from models.ranking.ranking import POOL, Candidates, rank
from models.retrieval.item_table import ItemTable
from models.retrieval.sources import (
    CONTENT,
    COOCCURRENCE,
    COOCCURRENCE_ITEMS,
    PRICE,
    REVERSED,
    TASTE,
    TRANSITIONS,
    HistoryQuery,
    category_affinity,
    cooccurrence_query,
    labels,
    price_closeness,
    seed_query,
    transition_query,
)
from models.state.events import EVENT_WEIGHTS, Event, event_weight
from models.state.item_state import ItemState
from models.state.taste import HALF_LIFE_S
from models.state.user_state import UserState

WIDTH = 100
"""Candidates of one source: fewer lose those that several sources like a little, more cost time."""

LEARN_SHARE = 0.25
"""Share of the chosen items that the ranker learns from: all give 2 % more hits, and cost a ranking each."""

FIRST_EXAMPLES = 2_000
"""So many are learned from all choices: the first ones teach most."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One item of an answer; the contributions of its reasons sum to its score."""

    item_id: str
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A request's candidates by slot, their raw scores, and what stands behind these."""

    slots: NDArray[np.intp]
    raw: Scores
    situation: Situation
    evidences: Evidences


class Recommender:
    """Learns event by event and answers at any moment; calls alone change it, never the clock.

    `catalog`: dicts with `item_id`, `title` and `genres` (a list, or text separated by |). A late event
    takes its place by event time; an event of an unknown user or item is learned like any other, and such
    an item can be recommended. Events carry no origin here, so each call counts, unless its `event_id` is
    in the user's recent history. A `fusion` that learns does so from a share of the chosen items (by hash of
    the event), before these are learned.

    >>> recommender = Recommender([{"item_id": "a", "title": "Heat", "genres": "Crime"}])
    >>> for user, item in (("u", "a"), ("u", "b"), ("v", "a")):
    ...     recommender.observe({"user_id": user, "item_id": item, "event_type": "like", "event_time": 1})
    >>> recommender.recommend("v", k=5, now=4)
    ['b']
    """

    def __init__(
        self,
        catalog: Iterable[Mapping[str, Any]] = (),
        *,
        dim: int = TEXT_DIM,
        half_life_s: float = HALF_LIFE_S,
        fusion: Fusion | None = None,
        diversity: float = 0.0,
        event_weights: Mapping[str, float] = EVENT_WEIGHTS,
        learn_share: float = LEARN_SHARE,
    ) -> None:
        self._dim = dim
        self._half_life_s = half_life_s
        self._fusion = fusion or OnlineRanker()
        self._learner = self._fusion if isinstance(self._fusion, LearningFusion) else None
        self._learn_share = learn_share
        self._examples = 0
        self._diversity = diversity
        self._event_weights = event_weights
        self._users: dict[str, UserState] = {}
        self._items: dict[str, ItemState] = {}
        self._table = ItemTable(dim)
        self._clock = 0
        for item in catalog:
            self.describe(item)

    def describe(self, item: Mapping[str, Any]) -> None:
        """Take an item of the catalog, or its new description."""
        genres = _labels(item.get("genres"))
        text = ItemText(title=str(item.get("title") or ""), tags=genres)
        price = _number(item.get("price"))
        self._table.describe(str(item["item_id"]), embed_item(text, self._dim), labels(None, genres), price)

    def observe(self, event: Mapping[str, Any]) -> None:
        """Learn one event; keys: user_id, item_id, event_type, value, event_time (epoch ms), event_id."""
        learned = self._event(event)
        user = self._users.get(learned.user_id)
        if user is None:
            user = self._users[learned.user_id] = UserState(self._half_life_s)
        self._pay_waiting(user)
        self._learn_choice(learned, user)
        evidence = user.fold(learned, self._table.vector(learned.item_id))
        if evidence is None:
            return
        item = self._items.setdefault(learned.item_id, ItemState())
        item.apply(evidence)
        self._table.update(learned.item_id, item, evidence)

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """Ids of up to `k` items that the user never had, best first; `now` in epoch ms."""
        return [found.item_id for found in self.answer(user_id, k, now)]

    def answer(self, user_id: str, k: int, now: int, reasons: bool = False) -> list[Recommendation]:
        """Like `recommend`, with scores and, if asked for, reasons."""
        user = self._users.get(str(user_id)) or UserState(self._half_life_s)
        return self._list(self._asked(user, now, self._width(k)), k, reasons)

    def similar(self, item_id: str, k: int, reasons: bool = False) -> list[Recommendation]:
        """Up to `k` items like this one; popular ones when nothing is known of it."""
        query = seed_query([item_id], self._count)
        queries = {TRANSITIONS: query, COOCCURRENCE: query}
        slots = self._table.without(np.array([item_key(item_id)], dtype=np.uint64))
        texts = {CONTENT: self._table.vector(item_id)}
        slots, raw = self._table.candidates(slots, _vectors(queries), texts, {}, self._width(k))
        evidences = Evidences(queries, seed=item_id)
        return self._list(_Asked(slots, raw, Situation("similar_items"), evidences), k, reasons)

    def trending(self, k: int, reasons: bool = False) -> list[Recommendation]:
        """The `k` most popular items of the moment."""
        slots = np.arange(len(self._table))
        slots, raw = self._table.candidates(slots, {}, {}, {}, self._width(k))
        return self._list(_Asked(slots, raw, Situation("trending"), Evidences({})), k, reasons)

    def _asked(self, user: UserState, now: int, width: int) -> _Asked:
        recent = user.history.recent(COOCCURRENCE_ITEMS)
        item_ids = [item_id for item_id, _ in recent]
        queries = {
            TRANSITIONS: transition_query(item_ids, self._count),
            COOCCURRENCE: cooccurrence_query(item_ids, self._count),
        }
        affinity = category_affinity([self._table.categories(item_id) for item_id in item_ids])
        slots = self._table.without(user.seen_keys())
        texts = {TASTE: user.taste.direction()}
        slots, raw = self._table.candidates(slots, _vectors(queries), texts, affinity, width)
        raw[REVERSED] = self._table.followed(slots, queries[TRANSITIONS])
        prices = self._table.prices(item_ids)
        if prices:
            raw[PRICE] = price_closeness(self._table.price_column(slots), prices)
        gap_ms = None if user.last_time_ms is None else max(0, now - user.last_time_ms)
        situation = Situation("for_user", len(user.history), gap_ms)
        evidences = Evidences({**queries, REVERSED: queries[TRANSITIONS]})
        return _Asked(slots, raw, situation, evidences)

    def _learn_choice(self, event: Event, user: UserState) -> None:
        if self._learner is None or event.weight <= 0 or user.last_time_ms is None or user.seen(event.item_id):
            return
        share = max(self._learn_share, 1.0 if self._learn_share and self._examples < FIRST_EXAMPLES else 0.0)
        sampled = event.event_id or f"{event.user_id}/{event.item_id}/{event.time_ms}"
        if event_hash(sampled) >= share * 2.0**64:
            return
        asked = self._asked(user, event.time_ms, WIDTH)
        chosen = np.flatnonzero(self._table.item_ids[asked.slots] == event.item_id)
        if len(chosen) and self._learner.learn(asked.raw, asked.situation, int(chosen[0]), event.time_ms):
            self._examples += 1

    def _width(self, k: int) -> int:
        return max(WIDTH, POOL * k)

    def _list(self, asked: _Asked, k: int, reasons: bool) -> list[Recommendation]:
        item_ids = self._table.item_ids[asked.slots]
        vectors = self._table.vectors(asked.slots) if self._diversity > 0.0 else None
        ranking = rank(Candidates(item_ids, asked.raw, vectors), self._fusion, asked.situation, k, self._diversity)
        fused = ranking.fused
        found = []
        for position in ranking.positions:
            item_id = item_ids[position]
            rows = self._table.rows(item_id, asked.evidences.queries) if reasons else {}
            why = explain(position, fused, rows, asked.evidences) if reasons else ()
            found.append(Recommendation(item_id, float(fused.scores[position]), tuple(why)))
        return found

    def _event(self, event: Mapping[str, Any]) -> Event:
        kind = str(event.get("event_type") or "view")
        value = _number(event.get("value"))
        self._clock += 1
        return Event(
            user_id=str(event["user_id"]),
            item_id=str(event["item_id"]),
            kind=kind,
            weight=event_weight(kind, value, self._event_weights),
            value=value,
            time_ms=int(_number(event.get("event_time")) or 0),
            origin=(0, self._clock),
            clock=self._clock,
            event_id=event.get("event_id"),
        )

    def _pay_waiting(self, user: UserState) -> None:
        for item_id in user.waiting.item_ids():
            vector = self._table.vector(item_id)
            if vector is not None:
                user.supply_vector(item_id, vector)

    def _count(self, item_id: str) -> int:
        item = self._items.get(item_id)
        return 0 if item is None else item.count


def _vectors(queries: Mapping[str, HistoryQuery]) -> dict[str, SparseVector]:
    return {source: query.vector for source, query in queries.items()}


def _labels(genres: object) -> tuple[str, ...]:
    if isinstance(genres, str):
        return tuple(name for name in genres.split("|") if name)
    return tuple(map(str, genres)) if isinstance(genres, Sequence) else ()


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
