"""What a run did to state and answers, beside the truth: an independent fold of the same log (no I/O)."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from load.independent_fold import HALF_LIVES, Expected
from load.outages.traffic import Asked
from models.user_state import UserState
from workers.partitioning import partition_of
from workers.rows import ItemRow
from workers.stream.chunk import Record


@dataclass(frozen=True, slots=True)
class StateVerdict:
    """Events and notes of evidence missing from the rows, and those in them too often; rows that differ at all."""

    lost: int
    double: int
    rows_wrong: int


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """`missing`: requests that Kafka took and nobody answered; `wrong`: shows what the user had, or is of another
    partition's state; `unsent`: requests that Kafka did not take.
    """

    asked: int
    unsent: int
    missing: int
    wrong: int
    errors: dict[str, int]
    undegraded_outside: float


def judge_state(users: Mapping[str, UserState], items: Mapping[str, ItemRow], expected: Expected) -> StateVerdict:
    """Compare all rows with the truth."""
    wanted, found, wrong = Counter[object](), Counter[object](), 0
    for user_id, user in expected.users.items():
        row = users.get(user_id, UserState())
        history = list(zip(row.history.times_ms, row.history.offsets, row.history.item_ids, strict=True))
        kept = [event[:3] for event in user.history]
        wanted.update((user_id, *event) for event in kept)
        found.update((user_id, *event) for event in history)
        wrong += history != kept
    for item_id, item in expected.items.items():
        use = items.get(item_id, ItemRow()).use
        for name, mine, theirs in (
            ("transitions", use.transitions.counts(), item.transitions),
            ("cooccurrence", use.cooccurrence.counts(), item.cooccurrence),
            ("users", {0: use.count}, {0: item.users}),
        ):
            wanted.update({(item_id, name, key): count for key, count in theirs.items()})
            found.update({(item_id, name, key): count for key, count in mine.items()})
            wrong += {k: c for k, c in mine.items() if c} != {k: c for k, c in theirs.items() if c}
        scores = [item.order_score(half_life) for half_life in HALF_LIVES]
        wrong += not all(map(_close, use.popularity_scores(), scores))
    wrong += len(users.keys() - expected.users.keys())
    return StateVerdict((wanted - found).total(), (found - wanted).total(), wrong)


def judge_answers(
    asked: Iterable[Asked], log: Iterable[Record], windows: list[tuple[float, float]], partitions: int, excuse: str
) -> AnswerVerdict:
    """Look at every reply; one whose only fault is `excuse` counts as undegraded."""
    had = _items_had(log)
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
        outcomes["wrong"] += not body.get("error") and _is_wrong(one.user_id, body, had, partitions)
        if not any(began <= one.at_s <= ended for began, ended in windows):
            outcomes["outside"] += 1
            outcomes["undegraded"] += not body.get("error") and not set(body["degraded"]) - {excuse}
    share = outcomes["undegraded"] / outcomes["outside"] if outcomes["outside"] else math.nan
    return AnswerVerdict(
        outcomes["asked"], outcomes["unsent"], outcomes["missing"], outcomes["wrong"], dict(errors), share
    )


def _close(mine: float, theirs: float) -> bool:
    return math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-12)


def _body(asked: Asked) -> dict[str, Any] | None:
    if not asked.reply.done():
        return None
    body: dict[str, Any] = orjson.loads(asked.reply.result().value)
    return body


def _items_had(log: Iterable[Record]) -> dict[str, list[tuple[int, str]]]:
    had: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for record in log:
        body = orjson.loads(record.value or b"{}")
        had[body["user_id"]].append((record.offset, body["item_id"]))
    return had


def _is_wrong(user_id: str, body: Mapping[str, Any], had: dict[str, list[tuple[int, str]]], partitions: int) -> bool:
    """An answer names the last event that it holds: it must be of this user's partition, and nothing had is shown."""
    as_of = body["as_of"]
    if as_of is None:
        return False
    if as_of["partition"] != partition_of(user_id, partitions):
        return True
    seen = {item_id for offset, item_id in had[user_id] if offset <= as_of["offset"]}
    return bool(seen & {item["item_id"] for item in body["items"]})
