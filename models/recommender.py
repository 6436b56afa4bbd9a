"""The recommender without a stream: the same states, sources and ranking, driven by plain calls."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import event_hash
from models.primitives.text import TEXT_DIM, ItemText, Vector, embed_item
from models.ranking.explain import Evidences, Reason, explain
from models.ranking.fusion import Fusion, LearningFusion, Scores, Situation
from models.ranking.ranker import OnlineRanker
from models.ranking.ranking import Candidates, rank
from models.retrieval.asking import after_past, like_items, of_moment, of_stranger
from models.retrieval.catalog_columns import CatalogFacts
from models.retrieval.item_slots import Slots
from models.retrieval.item_table import ItemTable
from models.retrieval.retrieval import POPULAR_SHARE, WIDTH, Asked, candidates, evidence_rows, scores
from models.retrieval.sources import COOCCURRENCE_ITEMS, labels
from models.state.events import EVENT_WEIGHTS, Event, event_weight
from models.state.item_state import ItemState
from models.state.taste import HALF_LIFE_S
from models.state.user_state import UserState

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
class _Gathered:
    """A request's candidates by slot, ascending, their raw scores, and what was asked for them."""

    slots: Slots
    raw: Scores
    situation: Situation
    asked: Asked
    seed: str | None = None


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
        self._texts: dict[str, ItemText] = {}
        self._table = ItemTable(dim, self._embed)
        self._clock = 0
        for item in catalog:
            self.describe(item)

    def describe(self, item: Mapping[str, Any]) -> None:
        """Take an item of the catalog, or its new description."""
        item_id, genres = str(item["item_id"]), _labels(item.get("genres"))
        self._texts[item_id] = ItemText(title=str(item.get("title") or ""), tags=genres)
        price = _number(item.get("price"))
        facts = CatalogFacts(labels(None, genres), tags=genres, price=math.nan if price is None else price)
        self._table.describe(item_id, facts)

    def observe(self, event: Mapping[str, Any]) -> None:
        """Learn one event; keys: user_id, item_id, event_type, value, event_time (epoch ms), event_id."""
        learned = self._event(event)
        user = self._users.get(learned.user_id)
        if user is None:
            user = self._users[learned.user_id] = UserState(self._half_life_s)
        self._pay_waiting(user)
        self._learn_choice(learned, user)
        evidence = user.fold(learned, self._vector(learned.item_id))
        if evidence is None:
            return
        item = self._item(learned.item_id)
        item.apply(evidence)
        self._table.use.note(item)

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """Ids of up to `k` items that the user never had, best first; `now` in epoch ms."""
        return [found.item_id for found in self.answer(user_id, k, now)]

    def answer(self, user_id: str, k: int, now: int, reasons: bool = False) -> list[Recommendation]:
        """Like `recommend`, with scores and, if asked for, reasons."""
        user = self._users.get(str(user_id)) or UserState(self._half_life_s)
        return self._list(self._gathered(user, now, _width(k)), k, reasons)

    def similar(self, item_id: str, k: int, reasons: bool = False) -> list[Recommendation]:
        """Up to `k` items like this one; popular ones when nothing is known of it."""
        asked = like_items(self._table, [item_id], self._vector(item_id), self._clock)
        allowed = self._allowed(self._table.slots.found([item_id]))
        slots, raw = self._candidates(asked, allowed, _width(k))
        return self._list(_Gathered(slots, raw, Situation("similar_items"), asked, item_id), k, reasons)

    def trending(self, k: int, reasons: bool = False) -> list[Recommendation]:
        """The `k` most popular items of the moment."""
        asked = of_moment(self._clock)
        slots, raw = self._candidates(asked, self._allowed(), _width(k))
        return self._list(_Gathered(slots, raw, Situation("trending"), asked), k, reasons)

    def _gathered(self, user: UserState, now: int, width: int) -> _Gathered:
        asked = self._asked(user)
        allowed = self._allowed(self._table.slots.found_by_key(user.seen_keys().tolist()))
        slots, raw = self._candidates(asked, allowed, width)
        gap_ms = None if user.last_time_ms is None else max(0, now - user.last_time_ms)
        return _Gathered(slots, raw, Situation("for_user", len(user.history), gap_ms), asked)

    def _asked(self, user: UserState) -> Asked:
        recent = [item_id for item_id, _ in user.history.recent(COOCCURRENCE_ITEMS)]
        self._table.settle()
        if not recent:
            return of_stranger(self._clock)
        return after_past(self._table, recent, user.taste.direction(), self._clock)

    def _candidates(self, asked: Asked, allowed: NDArray[np.bool_], width: int) -> tuple[Slots, Scores]:
        """Candidates and their raw scores; what a search for likeness would bring is found by comparing all items."""
        self._table.settle()
        self._table.embed_all()
        near = [self._table.nearest(query, allowed, width) for query in asked.dense.values()]
        slots = candidates(self._table, asked, allowed, width, np.concatenate(near) if near else None)
        return slots, scores(self._table, asked, slots)

    def _allowed(self, left_out: Slots | None = None) -> NDArray[np.bool_]:
        allowed = self._table.catalog.known(len(self._table)).copy()
        if left_out is not None:
            allowed[left_out] = False
        return allowed

    def _learn_choice(self, event: Event, user: UserState) -> None:
        if self._learner is None or event.weight <= 0 or user.last_time_ms is None or user.seen(event.item_id):
            return
        share = max(self._learn_share, 1.0 if self._learn_share and self._examples < FIRST_EXAMPLES else 0.0)
        sampled = event.event_id or f"{event.user_id}/{event.item_id}/{event.time_ms}"
        if event_hash(sampled) >= share * 2.0**64:
            return
        gathered = self._gathered(user, event.time_ms, WIDTH)
        chosen = np.flatnonzero(self._table.slots.ids[gathered.slots] == event.item_id)
        if len(chosen) and self._learner.learn(gathered.raw, gathered.situation, int(chosen[0]), event.time_ms):
            self._examples += 1

    def _list(self, gathered: _Gathered, k: int, reasons: bool) -> list[Recommendation]:
        item_ids = self._table.slots.ids[gathered.slots]
        vectors = self._table.vectors(gathered.slots) if self._diversity > 0.0 else None
        found = Candidates(item_ids, gathered.raw, vectors)
        ranking = rank(found, self._fusion, gathered.situation, k, self._diversity)
        why: list[tuple[Reason, ...]] = [()] * len(ranking.positions)
        if reasons:
            queries = gathered.asked.history
            rows = evidence_rows(self._table, gathered.slots[ranking.positions], queries)
            evidences = Evidences(queries, seed=gathered.seed)
            why = [
                tuple(explain(position, ranking.fused, behind, evidences))
                for position, behind in zip(ranking.positions, rows, strict=True)
            ]
        return [
            Recommendation(item_ids[position], float(ranking.fused.scores[position]), because)
            for position, because in zip(ranking.positions, why, strict=True)
        ]

    def _item(self, item_id: str) -> ItemState:
        """The state of an item's use; one that the catalog does not have may be recommended all the same."""
        item = self._items.get(item_id)
        if item is None:
            if not self._table.knows(item_id):
                self._table.describe(item_id, CatalogFacts())
            item = self._items[item_id] = self._table.new_state(item_id)
        return item

    def _embed(self, item_id: str) -> Vector:
        text = self._texts.get(item_id)
        return np.zeros(self._dim, dtype=np.float32) if text is None else embed_item(text, self._dim)

    def _vector(self, item_id: str) -> Vector | None:
        """The embedding of an item that was described, float32 (dim,)."""
        return self._table.vector(item_id) if item_id in self._texts else None

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
            vector = self._vector(item_id)
            if vector is not None:
                user.supply_vector(item_id, vector)


def _width(k: int) -> int:
    return max(WIDTH, round(k / POPULAR_SHARE))


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
