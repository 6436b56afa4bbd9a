"""An interaction as the models see it, and what each kind of interaction is worth."""

from collections.abc import Mapping
from dataclasses import dataclass

IMPRESSION = "impression"
RATING = "rating"
WATCH = "watch"
NEUTRAL_RATING = 3.0

EVENT_WEIGHTS: Mapping[str, float] = {
    "view": 1.0,
    "click": 2.0,
    "add_to_cart": 5.0,
    "purchase": 10.0,
    "like": 3.0,
    "dislike": -3.0,
    "bookmark": 4.0,
    WATCH: 3.0,
    RATING: 2.0,
    IMPRESSION: 0.0,
}
"""Worth of one event: steps follow how much a person gives up for the item, from a glance to money.

That of a rating is the worth of each star above 3, that of watching something the worth of all of it.
"""

SILENT = frozenset({IMPRESSION, "search"})
"""Kinds that say what was shown or looked for, not what was chosen: they teach nothing of an item."""

BUYING = frozenset({"add_to_cart", "purchase"})
"""Kinds that say which items are bought together."""


@dataclass(frozen=True, slots=True)
class Event:
    """One interaction of one user with one item.

    `origin` is the record's (partition, offset) in the order in which it is learned; `clock` counts events (offset
    × partitions of the topic, see `event_clock`); `time_ms` is when it happened. `published`: where the record
    entered the stream, if that is not its origin.
    """

    user_id: str
    item_id: str
    kind: str
    weight: float
    value: float | None
    time_ms: int
    origin: tuple[int, int]
    clock: int
    event_id: str | None = None
    published: tuple[int, int] | None = None


def event_weight(kind: str, value: float | None, weights: Mapping[str, float] = EVENT_WEIGHTS) -> float:
    """Worth of an event: its kind's entry; unknown kinds count 1.

    A rating on 1–5 counts by its distance from 3 stars, (value − 3)·2; without a value it says only that the item
    was used: 1. Watching counts by the share that was watched, 0 to 1, where it is known.

    >>> event_weight("rating", 4.5), event_weight("rating", 1.0), event_weight("purchase", None)
    (3.0, -4.0, 10.0)
    >>> event_weight("watch", 0.5), event_weight("click", None, {"click": 7.0})
    (1.5, 7.0)
    """
    if kind == RATING:
        return 1.0 if value is None else (value - NEUTRAL_RATING) * weights.get(RATING, EVENT_WEIGHTS[RATING])
    weight = weights.get(kind, 1.0)
    return weight * value if kind == WATCH and value is not None else weight


def event_clock(offset: int, partitions: int) -> int:
    """Events published so far, as seen from one partition: decays in events need no global counter.

    >>> event_clock(offset=1_000, partitions=8)
    8000
    """
    return offset * partitions
