"""What several workers of one service answer: the same, when nothing is in flight (HTTP, Kafka)."""

import asyncio
import math
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from tests.waiting import until_passes
from tests.worker.process import Worker
from tests.worker.shop import Shop

AT_ONCE = 10
PAGE = "/v1/recommendations"
# Products of embeddings are float32: 6 of 1,000 users who moved got scores that differed, by 2e-8 at most.
ROUNDING = 1e-6

Reasons = dict[tuple[str, str | None], float]
Answer = list[tuple[str, float, Reasons]]
"""Items in their order, with scores, and contributions by kind of reason and the item behind it."""


async def similar(worker: Worker, item_ids: Iterable[str]) -> dict[str, Answer]:
    """What this worker answers to "similar to this item", which no user's row has a part in."""
    answers: dict[str, Answer] = {}
    for item_id in item_ids:
        asked = {"kind": "similar_items", "item_ids": [item_id], "limit": 30, "explain": True}
        status, content = await worker.post(PAGE, orjson.dumps(asked))
        assert status == 200, content
        answers[item_id] = _answer(orjson.loads(content))
    return answers


async def until_they_agree(workers: Sequence[Worker], item_ids: Sequence[str]) -> None:
    """Wait until all workers answer alike: who follows is as far as who owns, of every item."""

    async def the_same() -> None:
        first, *others = await asyncio.gather(*(similar(worker, item_ids) for worker in workers))
        for other in others:
            assert unlike(first, other) == []

    await until_passes(the_same, deadline_s=60.0)


async def for_all(shop: Shop, users: Sequence[str]) -> dict[str, Answer]:
    """Whole answers to all users, each by the worker that has the user."""
    answers: dict[str, Answer] = {}
    for start in range(0, len(users), AT_ONCE):
        some = users[start : start + AT_ONCE]
        replies = await asyncio.gather(*(shop.ask(user_id=user, limit=20, explain=True) for user in some))
        for user, reply in zip(some, replies, strict=True):
            assert reply.get("degraded") == [], reply
            answers[user] = _answer(reply)
    return answers


def unlike(first: dict[str, Answer], second: dict[str, Answer]) -> list[tuple[str, Answer, Answer]]:
    """The first few answers that differ: in their items, their order, or in scores and reasons beyond rounding."""
    assert first.keys() == second.keys()
    return [(name, answer, second[name]) for name, answer in first.items() if not _alike(answer, second[name])][:2]


def _alike(first: Answer, second: Answer) -> bool:
    if [item_id for item_id, _, _ in first] != [item_id for item_id, _, _ in second]:
        return False
    return all(
        _close(mine, theirs) and all(_close(behind.get(name, 0.0), there.get(name, 0.0)) for name in behind | there)
        for (_, mine, behind), (_, theirs, there) in zip(first, second, strict=True)
    )


def _close(mine: float, theirs: float) -> bool:
    return math.isclose(mine, theirs, rel_tol=ROUNDING, abs_tol=ROUNDING)


def _answer(reply: dict[str, Any]) -> Answer:
    return [(one["item_id"], one["score"], _reasons(one)) for one in reply["items"]]


def _reasons(shown: dict[str, Any]) -> Reasons:
    return {(reason["kind"], reason["item_id"]): reason["contribution"] for reason in shown["reasons"]}
