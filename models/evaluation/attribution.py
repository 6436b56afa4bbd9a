"""Which recommendation a click or a purchase came from: columns in, columns out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

NO_RECOMMENDATION = 0
"""Instead of the hash of a recommendation's id, for an act that names none: `event_hash` is never 0."""
NOWHERE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Impressions:
    """Items that were shown (impressions), one entry for each item of each answer; all arrays of shape (n,).

    `recommendations`, `items`, `users`: 64-bit hashes of their ids; `times_ms`: when the answer was asked for.
    """

    recommendations: Keys
    items: Keys
    users: Keys
    times_ms: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Acts:
    """What users did, one entry for each item of each event; all arrays of shape (n,), as in `Impressions`.

    `recommendations` is 0 where the event names none.
    """

    recommendations: Keys
    items: Keys
    users: Keys
    times_ms: Ints


def attribute(impressions: Impressions, acts: Acts, window_ms: int) -> Ints:
    """For each act the place in `impressions` that it came from, int64 (acts,); −1 for none. O((n + acts) log).

    An act that names a recommendation came from it, whenever that was, if the item was in it. Any other came from
    the last answer that showed the item to this user at most `window_ms` before (last touch). `impressions` must hold
    each pair of recommendation and item once; the order of the entries does not matter.

    >>> keys = (np.array(column, dtype=np.uint64) for column in ([7, 8], [1, 1], [5, 5]))
    >>> impressions = Impressions(*keys, np.array([0, 60]))
    >>> acts = Acts(*(np.array(keys, dtype=np.uint64) for keys in ([0, 7, 0], [1, 1, 2], [5, 5, 5])),
    ...             np.array([70, 70, 70]))
    >>> attribute(impressions, acts, window_ms=100).tolist()
    [1, 0, -1]
    """
    if len(impressions.items) == 0 or len(acts.items) == 0:
        return np.full(len(acts.items), NOWHERE, dtype=np.int64)
    named = _by_name(impressions, acts)
    return np.where(named == NOWHERE, _by_user(impressions, acts, window_ms), named)


def distinct(impressions: Impressions) -> Ints:
    """Places of the first line of each pair of recommendation and item, int64 (≤ n,): answers may be logged twice."""
    pairs, _ = _pairs(impressions.recommendations, impressions.items, impressions.recommendations, impressions.items)
    return np.sort(np.unique(pairs, return_index=True)[1])


def first_of_each(positions: Ints, times_ms: Ints) -> Mask:
    """True for the earliest act of each place, bool (acts,): more of them count no more. False for place −1."""
    order = np.lexsort((times_ms, positions))
    first = np.zeros(len(positions), dtype=np.bool_)
    if len(order):
        ranked = positions[order]
        first[order] = np.concatenate(([True], ranked[1:] != ranked[:-1])) & (ranked != NOWHERE)
    return first


def _by_name(impressions: Impressions, acts: Acts) -> Ints:
    """The place of the same recommendation and item."""
    pairs, wanted = _pairs(impressions.recommendations, impressions.items, acts.recommendations, acts.items)
    order = np.argsort(pairs, kind="stable")
    at = np.minimum(np.searchsorted(pairs[order], wanted), len(pairs) - 1)
    positions = order[at]
    found = (pairs[positions] == wanted) & (acts.recommendations != NO_RECOMMENDATION)
    return np.where(found, positions, NOWHERE)


def _by_user(impressions: Impressions, acts: Acts, window_ms: int) -> Ints:
    """The last place of the same user and item that is not later than the act, nor too long before it."""
    pairs, wanted = _pairs(impressions.users, impressions.items, acts.users, acts.items)
    both = np.concatenate((pairs, wanted))
    times = np.concatenate((impressions.times_ms, acts.times_ms))
    is_act = np.concatenate((np.zeros(len(pairs), dtype=np.bool_), np.ones(len(wanted), dtype=np.bool_)))
    # What was shown at the same moment comes before the act.
    order = np.lexsort((is_act, times, both))
    latest = np.maximum.accumulate(np.where(is_act[order], NOWHERE, np.arange(len(order))))
    before = order[np.maximum(latest, 0)]
    own = order
    fits = (latest != NOWHERE) & is_act[own] & (both[before] == both[own]) & (times[own] - times[before] <= window_ms)
    found = np.full(len(wanted), NOWHERE, dtype=np.int64)
    found[own[fits] - len(pairs)] = before[fits]
    return found


def _pairs(first: Keys, second: Keys, other_first: Keys, other_second: Keys) -> tuple[Ints, Ints]:
    """Numbers of pairs of keys, equal for equal pairs; pairs of the other side that have no equal here are −1."""
    firsts, here = np.unique(first, return_inverse=True)
    seconds, there = np.unique(second, return_inverse=True)
    numbers = here * len(seconds) + there
    at = [
        np.minimum(np.searchsorted(known, keys), len(known) - 1)
        for known, keys in ((firsts, other_first), (seconds, other_second))
    ]
    known_both = (firsts[at[0]] == other_first) & (seconds[at[1]] == other_second)
    return numbers, np.where(known_both, at[0] * len(seconds) + at[1], NOWHERE)
