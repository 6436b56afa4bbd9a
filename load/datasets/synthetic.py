"""Invents ratings whose right answer is known: users with one or two tastes, items that lead to one another.

What is built in, and may be looked for:
- every item belongs to one cluster, and so do genre, title words and tags; popularity inside it is Zipf's;
- every user likes one or two clusters, stays in one of them for a sitting, and rates its items high;
- inside a cluster every item has one `successor`, which follows it directly with probability `follow`
  (a little less often in the files: a user's second event on an item is dropped);
- a share `stray` of the events is drawn from all items and rated low.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from load.datasets.ratings import Ratings

Ints = NDArray[np.int64]

FIRST_TIME_S = 1_000_000_000
SITTING_END = 0.08  # a sitting has about 12 events
GAP_IN_SITTING_S = 40.0
GAP_BETWEEN_SITTINGS_S = 10 * 86_400.0
# Repeats are dropped afterwards, so more is drawn than asked for; dense shapes need a second, larger draw.
OVERDRAWS = (1.5, 3.0, 8.0, 25.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes and probabilities of an invented data set; the default is ml-latest-small's."""

    users: int = 610
    items: int = 9_742
    ratings: int = 100_836
    tags: int = 3_683
    clusters: int = 20
    follow: float = 0.5
    stray: float = 0.1
    zipf: float = 0.9
    seed: int = 20_150_101


@dataclass(frozen=True, slots=True)
class Truth:
    """The right answers, as rows of ids 1…n at index id − 1.

    `item_cluster` (items,); `successor` (items,), the id of the item that follows; `user_clusters`
    (users, 2), both the same for a user with one taste.
    """

    item_cluster: Ints
    successor: Ints
    user_clusters: Ints


def make_truth(shape: Shape) -> Truth:
    """Who belongs where, by `shape` alone; raises ValueError if a cluster would be empty."""
    if shape.items < shape.clusters:
        raise ValueError(f"{shape.items} items can't fill {shape.clusters} clusters; ask for fewer clusters")
    random = np.random.default_rng([shape.seed, 0])
    item_cluster = random.permutation(np.arange(shape.items) % shape.clusters)
    successor = np.empty(shape.items, np.int64)
    for members in _members(item_cluster, shape.clusters):
        successor[members] = np.roll(members, -1) + 1
    first = random.integers(0, shape.clusters, shape.users)
    second = np.where(random.random(shape.users) < 0.5, first, random.integers(0, shape.clusters, shape.users))
    return Truth(item_cluster, successor, np.stack([first, second], axis=1))


def make_ratings(shape: Shape, truth: Truth) -> Ratings:
    """Exactly `shape.ratings` ratings, no item twice by one user, sorted by user and time.

    Raises ValueError if the users' clusters do not hold that many distinct items.
    """
    random = np.random.default_rng([shape.seed, 1])
    activity = random.lognormal(0.0, 1.0, shape.users)
    for overdraw in OVERDRAWS:
        lengths = np.ceil(activity / activity.sum() * shape.ratings * overdraw).astype(np.int64)
        user, item, start = _walks(random, shape, truth, lengths)
        kept = _first_meetings(user, item, shape.items)
        if len(kept) >= shape.ratings:
            break
    else:
        raise ValueError(f"{shape.ratings} distinct ratings don't fit {shape.users} users × {shape.items} items")
    time_s = _times(random, user, start)
    kept = _share_out(user[kept], kept, shape)
    user, item, time_s = user[kept], item[kept], time_s[kept]
    value = _stars(random, truth, user, item)
    return Ratings(user + 1, item + 1, value, time_s * 1000)


def _members(cluster: Ints, clusters: int) -> list[Ints]:
    """Items of every cluster, in the order in which they follow one another."""
    order = np.argsort(cluster, kind="stable")
    return np.split(order, np.searchsorted(cluster[order], np.arange(1, clusters)))


def _walks(
    random: np.random.Generator, shape: Shape, truth: Truth, lengths: Ints
) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """User, item (from 0) and "a sitting starts here" of every event, user after user."""
    user = np.repeat(np.arange(shape.users), lengths)
    total = len(user)
    start = random.random(total) < SITTING_END
    start[np.r_[0, np.cumsum(lengths)[:-1]]] = True
    sitting = np.cumsum(start) - 1
    cluster = truth.user_clusters[user[start], random.integers(0, 2, int(start.sum()))][sitting]
    stray = random.random(total) < shape.stray
    cluster = np.where(stray, random.integers(0, shape.clusters, total), cluster)
    # An event after a stray one draws again: nothing follows from a stray item.
    fresh = start | stray | np.r_[True, stray[:-1]] | (random.random(total) >= shape.follow)
    return user, _items(random, shape, truth, cluster, fresh), start


def _items(random: np.random.Generator, shape: Shape, truth: Truth, cluster: Ints, fresh: NDArray[np.bool_]) -> Ints:
    """Zipf draws where `fresh`, else the successor of the event before: k steps on in the cluster's circle."""
    members = _members(truth.item_cluster, shape.clusters)
    sizes = np.array([len(items) for items in members])
    circle, offsets = np.concatenate(members), np.cumsum(sizes) - sizes
    draw = np.flatnonzero(fresh)
    position = np.empty(len(draw), np.int64)
    for index, size in enumerate(sizes):
        mine = np.flatnonzero(cluster[draw] == index)
        weights = np.cumsum(1.0 / np.arange(1, size + 1) ** shape.zipf)
        ranked = np.searchsorted(weights, random.random(len(mine)) * weights[-1])
        # Popularity must not follow the circle, or the successor would just be the next most popular item.
        position[mine] = random.permutation(size)[ranked]
    latest = np.cumsum(fresh) - 1
    steps = np.arange(len(fresh)) - draw[latest]
    items: Ints = circle[offsets[cluster] + (position[latest] + steps) % sizes[cluster]]
    return items


def _first_meetings(user: Ints, item: Ints, items: int) -> Ints:
    """Rows in which a user meets an item for the first time, ascending."""
    return np.sort(np.unique(user * items + item, return_index=True)[1])


def _share_out(user: Ints, rows: Ints, shape: Shape) -> Ints:
    """The first rows of every user, in proportion, exactly `shape.ratings` in all."""
    counts = np.bincount(user, minlength=shape.users)
    quota = counts * shape.ratings // len(rows)
    short = shape.ratings - int(quota.sum())
    quota[np.argsort(quota - counts, kind="stable")[:short]] += 1
    position = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows[position < quota[user]]


def _times(random: np.random.Generator, user: Ints, start: NDArray[np.bool_]) -> Ints:
    """Epoch seconds: short gaps in a sitting, long ones between sittings, each user from an own start."""
    gaps = np.where(start, GAP_BETWEEN_SITTINGS_S, GAP_IN_SITTING_S) * random.exponential(1.0, len(user)) + 1
    elapsed = np.cumsum(gaps)
    first = np.searchsorted(user, np.arange(user[-1] + 1))
    return (FIRST_TIME_S + elapsed - elapsed[first][user] + gaps[first][user] * 20).astype(np.int64)


def _stars(random: np.random.Generator, truth: Truth, user: Ints, item: Ints) -> NDArray[np.float32]:
    """Half stars: about 4 for the user's own clusters, about 2 for others."""
    liked = (truth.user_clusters[user] == truth.item_cluster[item][:, None]).any(axis=1)
    stars = np.where(liked, 4.2, 2.0) + random.normal(0.0, 0.6, len(user))
    return (np.clip(np.round(stars * 2), 1, 10) / 2).astype(np.float32)
