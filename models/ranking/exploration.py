"""A share of a list for items with little evidence yet, drawn so that every item's chance to be shown is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from random import Random

FEW_USERS = 10
"""Users who touched an item, below which too little is known of it: by then its counts begin to rank it."""

POOL = 100
"""Items that one list draws from, the best of those little known: more would show what fits no user."""


@dataclass(frozen=True, slots=True)
class Explored:
    """A list with some of its places drawn: candidates in order, their chances of being in it, which were drawn."""

    positions: list[int]
    propensities: list[float]
    drawn: frozenset[int]


def explore(ranked: Sequence[int], pool: Sequence[int], share: float, seed: int) -> Explored:
    """Give each place of `ranked` with probability `share` to one of `pool`, without repeats.

    `ranked`, best first, and `pool` are distinct candidates. Those drawn come uniformly out of the pool; the
    ranked ones move down, and the last of them leave. The number of drawn places m is binomial(len(ranked), share),
    at most the size of the pool, so the chance of an item to be shown is exact, whatever the seed:
    E[m] / size of the pool for one of the pool, P(m < n − i) for the i-th of n ranked ones, from 0. Equal seeds
    draw alike. O(n). Horvitz & Thompson 1952 on why exact chances make estimates without bias.

    >>> found = explore([4, 2, 7, 1], pool=[8, 9], share=0.25, seed=1)
    >>> found.positions, [round(chance, 3) for chance in found.propensities]
    ([9, 4, 2, 7], [0.473, 1.0, 1.0, 0.738])
    """
    size = len(ranked)
    chances = _drawn_chances(size, len(pool), share)
    draw = Random(seed)
    positions = [position for position in range(size) if draw.random() < share]
    if len(positions) > len(pool):
        positions = draw.sample(positions, len(pool))
    drawn = draw.sample(list(pool), len(positions))
    at = dict(zip(sorted(positions), drawn, strict=True))
    rest = iter(ranked)
    listed = [at[position] if position in at else next(rest) for position in range(size)]
    each = sum(count * chance for count, chance in enumerate(chances)) / len(pool) if pool else 0.0
    kept = {position: sum(chances[: size - rank]) for rank, position in enumerate(ranked)}
    return Explored(listed, [min(1.0, kept.get(position, each)) for position in listed], frozenset(drawn))


def _drawn_chances(size: int, pool: int, share: float) -> list[float]:
    """Chance that so many places are drawn, from none to all `size`: binomial, what is beyond the pool at its size."""
    chances = [comb(size, count) * share**count * (1.0 - share) ** (size - count) for count in range(size + 1)]
    if pool < size:
        return [*chances[:pool], sum(chances[pool:])]
    return chances
