"""What a run did to state and answers, beside the truth: an independent fold of the same log (no I/O)."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from load.faults.independent_fold import DAY_MS, HALF_LIVES, Expected, ExpectedItem, ExpectedUser, key_of, popularity
from load.faults.traffic import Asked
from models.state.user_state import UserState
from workers.admin.state.counts_row import CountsRow
from workers.stream.chunk import Record
from workers.stream.partitioning import partition_of

SUMS = ("count", "likes", "buyers", "ratings", "stars")


@dataclass(slots=True)
class Truth:
    """What a log says: the state that must come of it, and by user the first offset of each (partition, item) had."""

    expected: Expected
    had: dict[str, dict[tuple[int, str], int]] = field(default_factory=lambda: defaultdict(dict))
    records: int = 0

    def learn(self, record: Record) -> None:
        """Take the next record of its partition."""
        self.records += 1
        self.expected.learn(record)
        if (record.partition, record.offset) not in self.expected.refused:
            body = orjson.loads(record.value or b"")
            if "item_id" in body:
                self.had[body.get("user_id", "")].setdefault((record.partition, body["item_id"]), record.offset)


@dataclass(frozen=True, slots=True)
class StateVerdict:
    """Events and notes of evidence missing from the rows, and those in them too often; rows that differ at all.

    Dead letters count like events, by the place of the record.
    """

    lost: int
    double: int
    rows_wrong: int


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """`missing`: requests that Kafka took and no worker answered; `wrong`: shows what the user had, or is of another
    partition's state; `unsent`: requests that Kafka did not take.
    """

    asked: int
    unsent: int
    missing: int
    wrong: int
    errors: dict[str, int]
    undegraded_outside: float


def judge_state(
    users: Mapping[str, UserState],
    items: Mapping[str, CountsRow],
    refused: Iterable[tuple[int, int]],
    expected: Expected,
) -> StateVerdict:
    """Compare all rows, and the places of all dead letters, with the truth."""
    wanted, found = Counter[object](expected.refused), Counter[object](set(refused))
    wrong = len(users.keys() ^ expected.users.keys()) + len(expected.items.keys() - items.keys())
    for user_id, user in expected.users.items():
        row = users.get(user_id, UserState())
        wanted.update((user_id, *event) for event in _kept(user))
        found.update((user_id, *event) for event in _events(row))
        wrong += not _same_user(row, user)
    for item_id, item in expected.items.items():
        use = items.get(item_id) or CountsRow.alone()
        counts, expected_counts = _counts(use), dict(_expected_counts(item))
        wanted.update({(item_id, *name): count for name, count in expected_counts.items()})
        found.update({(item_id, *name): count for name, count in counts.items()})
        wrong += counts != expected_counts or not _same_popularity(use, item)
    return StateVerdict((wanted - found).total(), (found - wanted).total(), wrong)


def judge_answers(
    asked: Iterable[Asked], truth: Truth, windows: list[tuple[float, float]], partitions: int
) -> AnswerVerdict:
    """Check every reply; `windows`: the times, epoch seconds, in which one may be degraded."""
    outcomes: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for one in asked:
        outcomes["asked"] += 1
        if one.reply.done() and one.reply.exception() is not None:
            outcomes["unsent"] += 1
            continue
        body = _body(one)
        if body is None:
            outcomes["missing"] += 1
            continue
        if body.get("error"):
            errors[str(body["error"]["code"])] += 1
        outcomes["wrong"] += not body.get("error") and _is_wrong(one.user_id, body, truth.had[one.user_id], partitions)
        if not any(began <= one.at_s <= ended for began, ended in windows):
            outcomes["outside"] += 1
            outcomes["undegraded"] += not body.get("error") and not body["degraded"]
    share = outcomes["undegraded"] / outcomes["outside"] if outcomes["outside"] else math.nan
    return AnswerVerdict(
        outcomes["asked"], outcomes["unsent"], outcomes["missing"], outcomes["wrong"], dict(errors), share
    )


def _kept(user: ExpectedUser) -> list[tuple[int, int, str]]:
    return [event[:3] for event in user.history]


def _events(row: UserState) -> list[tuple[int, int, str]]:
    history = row.history
    return list(zip(history.times_ms, history.offsets, history.item_ids, strict=True))


def _same_user(row: UserState, user: ExpectedUser) -> bool:
    identity = row.identity.user_id, row.identity.erased_ms
    return (
        _events(row) == _kept(user)
        and set(row.seen_keys().tolist()) == set(map(key_of, user.seen))
        and identity == (user.became, user.erased_ms)
    )


def _counts(row: CountsRow) -> dict[tuple[str, int], int]:
    """What an item's row counts, by name; nothing that is 0."""
    rows = {"transitions": row.transitions(), "cooccurrence": row.cooccurrence(), "bought": row.bought()}
    counted = {(name, key): n for name, counts in rows.items() for key, n in counts.items()}
    counted |= {(name, 0): getattr(row.use, name) for name in SUMS}
    return {name: count for name, count in counted.items() if count}


def _expected_counts(item: ExpectedItem) -> Iterator[tuple[tuple[str, int], int]]:
    counted = {(name, key): n for name, row in item.rows.items() for key, n in row.items()}
    counted |= {(name, 0): item.sums[name] for name in SUMS}
    return (entry for entry in counted.items() if entry[1])


def _same_popularity(row: CountsRow, item: ExpectedItem) -> bool:
    found = (*row.use.popularity_scores(), row.use.day_score())
    scores = [popularity(item.clocks, half_life) for half_life in HALF_LIVES]
    return all(map(_close, found, [*scores, popularity(item.times, DAY_MS)]))


def _close(mine: float, theirs: float) -> bool:
    return math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-12)


def _body(asked: Asked) -> dict[str, Any] | None:
    if not asked.reply.done():
        return None
    body: dict[str, Any] = orjson.loads(asked.reply.result().value)
    return body


def _is_wrong(user_id: str, body: Mapping[str, Any], had: Mapping[tuple[int, str], int], partitions: int) -> bool:
    """An answer names the last event that it holds: it must be of this user, and nothing had until then is shown."""
    as_of = body["as_of"]
    if as_of is None:
        return False
    partition, offset = as_of["partition"], as_of["offset"]
    if partition not in {partition_of(user_id, partitions), *(partition for partition, _ in had)}:
        return True
    return any(had.get((partition, item["item_id"]), offset + 1) <= offset for item in body["items"])
