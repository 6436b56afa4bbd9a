"""Test, then learn: how often the next thing that a user liked was in the list given just before."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

from models.evaluation.outcomes import Answered
from models.evaluation.outcomes import Outcomes as Outcomes
from models.state.events import RATING

Record = Mapping[str, Any]
Test = Callable[[Record], bool]
Labels = Callable[[str], Collection[str]]

LIKED_FROM = 4.0
"""Ratings from here on are hits to be found."""


class Recommends(Protocol):
    """What can be evaluated; see `models.recommender.Recommender`."""

    def observe(self, event: Record) -> None:
        """Learn one event."""

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """Up to `k` item ids, best first."""


def is_liked(event: Record) -> bool:
    """Whether finding this event counts as a hit: a rating of 4 or more, or any use that is no rating."""
    if event.get("event_type") == RATING:
        return float(event.get("value") or 0.0) >= LIKED_FROM
    return event.get("event_type") not in ("dislike", "impression")


def prequential(recommender: Recommends, events: Iterable[Record], k: int = 10, is_test: Test = is_liked) -> Outcomes:
    """Ask before each event of a known user that passes `is_test`, then learn it; see `compare`."""
    return compare({"": recommender}, events, k, is_test)[""]


def compare(
    recommenders: Mapping[str, Recommends],
    events: Iterable[Record],
    k: int = 10,
    is_test: Test = is_liked,
    *,
    labels: Labels | None = None,
    strangers: bool = False,
) -> dict[str, Outcomes]:
    """Test then learn, several recommenders side by side on one pass: all see the same, in the same order.

    `events` by time. Events of one user in the same second are all tested before any of them is learned:
    their order is not known, and one would give away the next. A user is known who has an event in an earlier
    second; `strangers` are asked for too, with a history of length 0. `labels` of items serve the diversity.
    """
    exam = Exam(recommenders, k, labels)
    for group in _ties(events):
        user_id, now = str(group[0]["user_id"]), int(group[0]["event_time"])
        tests = [str(event["item_id"]) for event in group if is_test(event)]
        if tests and (strangers or exam.knows(user_id)):
            exam.ask(user_id, [{item_id} for item_id in tests], now)
        for event in group:
            exam.learn(event)
    return exam.outcomes()


def split_by_time(
    recommenders: Mapping[str, Recommends],
    events: Sequence[Record],
    k: int = 10,
    is_test: Test = is_liked,
    *,
    share: float = 0.8,
    labels: Labels | None = None,
) -> dict[str, Outcomes]:
    """Learn the first `share` of the events, then ask once for every known user of the rest.

    To be found is all that the user likes afterwards and did not have before; asked at the time of the user's
    first later event. No event after the cut is learned, nor are those of the second that the cut falls into.
    """
    exam = Exam(recommenders, k, labels)
    cut_s = int(events[min(int(len(events) * share), len(events) - 1)]["event_time"]) // 1_000 if events else 0
    later: dict[str, list[Record]] = {}
    had: dict[str, set[str]] = {}
    for event in events:
        user_id = str(event["user_id"])
        if int(event["event_time"]) // 1_000 < cut_s:
            exam.learn(event)
            had.setdefault(user_id, set()).add(str(event["item_id"]))
        else:
            later.setdefault(user_id, []).append(event)
    for user_id, rest in later.items():
        wanted = {str(event["item_id"]) for event in rest if is_test(event)} - had.get(user_id, set())
        if wanted and exam.knows(user_id):
            exam.ask(user_id, [wanted], int(rest[0]["event_time"]))
    return exam.outcomes()


def leave_last_out(
    recommenders: Mapping[str, Recommends],
    events: Sequence[Record],
    k: int = 10,
    is_test: Test = is_liked,
    *,
    labels: Labels | None = None,
) -> dict[str, Outcomes]:
    """Hold out the last event that each user liked, learn all others, then ask for each user.

    The others' future is learned, and the user's events after the one held out, so figures are higher than what
    a stream can reach: for comparison with what others publish only.
    """
    exam = Exam(recommenders, k, labels)
    last = {str(event["user_id"]): position for position, event in enumerate(events) if is_test(event)}
    held = set(last.values())
    for position, event in enumerate(events):
        if position not in held:
            exam.learn(event)
    for user_id, position in last.items():
        if exam.knows(user_id):
            exam.ask(user_id, [{str(events[position]["item_id"])}], int(events[position]["event_time"]))
    return exam.outcomes()


class Exam:
    """Asks several recommenders the same questions, and keeps what is needed to judge their answers."""

    def __init__(self, recommenders: Mapping[str, Recommends], k: int, labels: Labels | None = None) -> None:
        self._recommenders = recommenders
        self._k = k
        self._labels = labels
        self._answered: dict[str, list[Answered]] = {name: [] for name in recommenders}
        self._counts: Counter[str] = Counter()
        self._events = 0
        self._last_ms: dict[str, int] = {}
        self._lengths: Counter[str] = Counter()

    def knows(self, user_id: str) -> bool:
        """Whether the user had an event."""
        return user_id in self._last_ms

    def learn(self, event: Record) -> None:
        """Let every recommender learn an event."""
        for recommender in self._recommenders.values():
            recommender.observe(event)
        user_id = str(event["user_id"])
        self._counts[str(event["item_id"])] += 1
        self._events += 1
        self._last_ms[user_id] = int(event["event_time"])
        self._lengths[user_id] += 1

    def ask(self, user_id: str, wanted: Sequence[Collection[str]], now: int) -> None:
        """Ask every recommender once; each set in `wanted` is judged as a question of its own."""
        gap_ms = now - self._last_ms.get(user_id, now)
        length = self._lengths[user_id]
        for name, recommender in self._recommenders.items():
            found = [str(item_id) for item_id in recommender.recommend(user_id, self._k, now)][: self._k]
            shares = [self._counts[item_id] / max(1, self._events) for item_id in found]
            labels = [frozenset(self._labels(item_id)) for item_id in found] if self._labels else None
            for items in wanted:
                self._answered[name].append(
                    Answered(user_id, gap_ms, length, now, tuple(found), frozenset(items), shares, labels)
                )

    def outcomes(self) -> dict[str, Outcomes]:
        """Every recommender's answers, judged."""
        return {name: Outcomes.of(answered, self._k, len(self._counts)) for name, answered in self._answered.items()}


def _ties(events: Iterable[Record]) -> Iterator[list[Record]]:
    for _, group in groupby(events, key=lambda event: (int(event["event_time"]) // 1_000, event["user_id"])):
        yield list(group)
