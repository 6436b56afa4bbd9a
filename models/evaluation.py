"""Test, then learn: how often the next thing that a user liked was in the list given just before."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.events import RATING

Record = Mapping[str, Any]

LIKED_FROM = 4.0
"""Ratings from here on are hits to be found."""


class Recommends(Protocol):
    """What can be evaluated; see `models.recommender.Recommender`."""

    def observe(self, event: Record) -> None:
        """Learn one event."""

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """Up to `k` item ids, best first."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """One entry per test event, in order: rank 1…k where it was found, 0 where not; gap since the user's last
    event and length of the user's history; `times_ms` of the events. All int64 (n,).
    """

    ranks: NDArray[np.int64]
    gaps_ms: NDArray[np.int64]
    lengths: NDArray[np.int64]
    times_ms: NDArray[np.int64]

    def hit_rate(self, where: NDArray[np.bool_] | None = None) -> float:
        """Share of test events that were in the list; `where` bool (n,) selects a slice."""
        return float(np.mean(self._selected(where) > 0))

    def mean_reciprocal_rank(self, where: NDArray[np.bool_] | None = None) -> float:
        """Mean of 1 / rank, 0 for a miss."""
        ranks = self._selected(where)
        return float(np.mean(np.where(ranks > 0, 1.0 / np.maximum(ranks, 1), 0.0)))

    def _selected(self, where: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        return self.ranks if where is None else self.ranks[where]


def is_liked(event: Record) -> bool:
    """Whether finding this event counts as a hit: a rating of 4 or more, or any use that is no rating."""
    if event.get("event_type") == RATING:
        return float(event.get("value") or 0.0) >= LIKED_FROM
    return event.get("event_type") not in ("dislike", "impression")


def prequential(
    recommender: Recommends,
    events: Iterable[Record],
    k: int = 10,
    is_test: Callable[[Record], bool] = is_liked,
) -> Outcomes:
    """Ask before each event of a known user that passes `is_test`, then learn it.

    `events` by time. Events of one user in the same second are all tested before any of them is learned:
    their order is not known, and one would give away the next. Known: has an event in an earlier second.
    """
    found: list[tuple[int, int, int, int]] = []
    last_ms: dict[str, int] = {}
    lengths: dict[str, int] = {}
    for group in _ties(events):
        user_id, now = str(group[0]["user_id"]), int(group[0]["event_time"])
        tests = [event for event in group if is_test(event)]
        if tests and user_id in last_ms:
            ranked = [str(item_id) for item_id in recommender.recommend(user_id, k, now)]
            gap_ms = now - last_ms[user_id]
            found += [(_rank(ranked, event), gap_ms, lengths[user_id], now) for event in tests]
        for event in group:
            recommender.observe(event)
        last_ms[user_id] = now
        lengths[user_id] = lengths.get(user_id, 0) + len(group)
    columns = np.array(found, dtype=np.int64).reshape(-1, 4).T
    return Outcomes(*columns)


def _ties(events: Iterable[Record]) -> Iterator[list[Record]]:
    for _, group in groupby(events, key=lambda event: (int(event["event_time"]) // 1_000, event["user_id"])):
        yield list(group)


def _rank(ranked: list[str], event: Record) -> int:
    item_id = str(event["item_id"])
    return ranked.index(item_id) + 1 if item_id in ranked else 0
