"""From candidates to a list: the one path that streamed and offline answers share."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.ranking.caps import Caps
from models.ranking.diversity import diversify
from models.ranking.exploration import POOL as DRAWN_FROM
from models.ranking.exploration import explore
from models.ranking.fusion import Fused, Fusion, Scores, Situation, boosted

POOL = 5
"""Candidates per place of the list that diversity may choose from: more hardly change it, and cost time."""

RANKED, PINNED, EXPLORED = "ranked", "pinned", "explored"
"""How an item came to its place."""

Ids = Sequence[str] | NDArray[np.object_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Item ids (n,) and their raw scores by source; `vectors` float32 (n, dim) serve diversity only."""

    item_ids: Ids
    scores: Scores
    vectors: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Steering:
    """What a deployment wants of a list, over the same candidates.

    `boosts`: logits float64 (n,) by rule; `pins`: for a place of the list, from 0, the candidates that may stand
    there, of which the best does; `explored`: share of the other places that go to some of `little_known` (places of
    candidates), drawn by `seed`.
    """

    boosts: Mapping[str, Floats] = field(default_factory=dict)
    caps: Caps | None = None
    pins: Mapping[int, Sequence[int]] = field(default_factory=dict)
    explored: float = 0.0
    little_known: Collection[int] = ()
    seed: int = 0


_UNSTEERED = Steering()


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Places of the chosen candidates, best first, their scores taken apart, and how many were not finite.

    `propensities`: chance of each to be in the list; `shown_as`: how each came to its place.
    """

    positions: list[int]
    fused: Fused
    sunk: int
    propensities: list[float]
    shown_as: list[str]


def rank(
    candidates: Candidates,
    fusion: Fusion,
    situation: Situation,
    limit: int,
    diversity: float = 0.0,
    steering: Steering = _UNSTEERED,
) -> Ranking:
    """Up to `limit` candidates by (−score, item id); those without a finite score sink out of the list.

    With `diversity` > 0 and vectors, the best 5 × limit are rearranged by maximal marginal relevance. Pins come
    first, then the caps, which count pinned items; what explores keeps the caps, too.
    """
    fused = boosted(fusion.fuse(candidates.scores, situation), steering.boosts)
    pinned = _pinned(fused.scores, candidates.item_ids, limit, steering.pins)
    taken = list(pinned.values())
    ranked = _ranked(fused.scores, candidates, limit - len(taken), diversity, steering.caps, taken)
    positions, chances, drawn = ranked, [1.0] * len(ranked), frozenset[int]()
    if steering.explored > 0.0:
        pool = _little_known(fused.scores, candidates.item_ids, steering, [*taken, *ranked])
        found = explore(ranked, pool, steering.explored, steering.seed)
        positions, chances, drawn = found.positions, found.propensities, found.drawn
    shown = [
        (position, chance, EXPLORED if position in drawn else RANKED)
        for position, chance in zip(positions, chances, strict=True)
    ]
    for at in sorted(pinned):
        shown.insert(at, (pinned[at], 1.0, PINNED))
    sunk = int(np.count_nonzero(~np.isfinite(fused.scores)))
    return Ranking([one[0] for one in shown], fused, sunk, [one[1] for one in shown], [one[2] for one in shown])


def best_positions(scores: Floats, item_ids: Ids, limit: int) -> list[int]:
    """Places of the `limit` largest finite scores, best first, ties by item id; O(n + limit log limit).

    >>> best_positions(np.array([1.0, np.nan, 2.0, 1.0]), ["b", "x", "c", "a"], limit=2)
    [2, 3]
    """
    positions = np.flatnonzero(np.isfinite(scores))
    if limit <= 0:
        return []
    if len(positions) > limit:
        finite = scores[positions]
        cut = np.partition(finite, len(finite) - limit)[len(finite) - limit]
        positions = positions[finite >= cut]
    return sorted(positions.tolist(), key=lambda position: (-scores[position], item_ids[position]))[:limit]


def _pinned(scores: Floats, item_ids: Ids, limit: int, pins: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """The candidate that stands at each pinned place of the list; each stands at one."""
    found: dict[int, int] = {}
    for at, allowed in pins.items():
        free = [position for position in allowed if position not in found.values() and np.isfinite(scores[position])]
        if free and at < limit:
            found[at] = min(free, key=lambda position: (-scores[position], item_ids[position]))
    return found


def _ranked(
    scores: Floats, candidates: Candidates, limit: int, diversity: float, caps: Caps | None, taken: list[int]
) -> list[int]:
    """Up to `limit` candidates beside those taken."""
    mixed = diversity > 0.0 and candidates.vectors is not None
    wanted = POOL * limit if mixed else limit
    order = best_positions(scores, candidates.item_ids, len(scores) if caps else wanted + len(taken))
    free = [position for position in order if position not in taken] if taken else order
    if caps is not None:
        free = caps.fitting(free, wanted, caps.room(taken, times=POOL if mixed else 1))
    if candidates.vectors is None or not mixed:
        return free[:limit]
    pool = free[:wanted]
    groups, room = (None, None) if caps is None else (caps.groups[pool], caps.room(taken))
    chosen = diversify(scores[pool], candidates.vectors[pool], limit, diversity, groups, room)
    return [pool[position] for position in chosen]


def _little_known(scores: Floats, item_ids: Ids, steering: Steering, taken: list[int]) -> list[int]:
    """What a list may draw from: the best of those little known that are not in it, all of which fit beside it."""
    others = np.full(len(scores), -np.inf)
    free = [position for position in steering.little_known if position not in taken]
    others[free] = scores[free]
    order = best_positions(others, item_ids, len(free))
    caps = steering.caps
    return order[:DRAWN_FROM] if caps is None else caps.fitting(order, DRAWN_FROM, caps.room(taken))
