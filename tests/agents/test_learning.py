"""What users choose judges and teaches the ranker, before it is folded; nothing else does."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import numpy as np
import pytest

from models.ranking.ranker import OnlineRanker
from models.ranking.ranker_weights import RankerWeights
from tests.agents.dependencies import NOW_MS, chunk_of_records, done, json_record, running_deps
from workers.agents import catalog, interactions
from workers.control.learner import WAITING_BOUND
from workers.runtime.dependencies import Dependencies

ITEMS = 12


def value(deps: Dependencies, name: str, **labels: str) -> float:
    return deps.metrics.registry.get_sample_value(name, labels) or 0.0


async def choose(deps: Dependencies, offsets: Iterator[int], user: str, item_id: str, **more: Any) -> None:
    offset = next(offsets)
    body = {"event_type": "purchase", "user_id": user, "item_id": item_id, "event_time": NOW_MS + offset, **more}
    await interactions.handle(chunk_of_records(json_record("user-interactions", offset, user, body)), deps)
    judge_all(deps)


def judge_all(deps: Dependencies) -> None:
    while deps.learner is not None and deps.learner.judge_next():
        pass


@asynccontextmanager
async def shop(**settings: Any) -> AsyncIterator[tuple[Dependencies, Iterator[int]]]:
    """Dependencies that know a few items and that u has had one of them."""
    async with running_deps(**settings) as (deps, _):
        offsets = count()
        for number in range(ITEMS):
            described = {"item_id": f"i{number}", "title": "odd" if number % 2 else "even"}
            chunk = chunk_of_records(json_record("item-catalog", number, f"i{number}", described))
            await catalog.handle(chunk, deps)
            await done(chunk)
        await choose(deps, offsets, "u", "i0")
        yield deps, offsets


async def test_a_choice_is_judged_and_learned_before_it_is_folded() -> None:
    async with shop() as (deps, offsets):
        await choose(deps, offsets, "u", "i5")
        assert value(deps, "tastestream_live_choices_total", recommender="ranker", variant="default") == 1
        assert value(deps, "tastestream_live_choices_total", recommender="popularity", variant="default") == 1
        assert (
            0 < value(deps, "tastestream_live_reciprocal_rank_sum_total", recommender="ranker", variant="default") <= 1
        )
        assert value(deps, "tastestream_ranker_examples_total") == 1
        assert isinstance(deps.fusion, OnlineRanker)
        assert not np.array_equal(deps.fusion.weights.values, RankerWeights().values)


@pytest.mark.parametrize(
    ("user", "item_id", "more"),
    [
        ("stranger", "i5", {}),
        ("u", "i0", {}),
        ("u", "i5", {"event_type": "dislike"}),
        ("u", "i5", {"event_type": "impression"}),
        ("u", "never-described", {}),
    ],
    ids=["no history", "seen before", "not liked", "only shown", "unknown item"],
)
async def test_what_says_nothing_about_a_list_teaches_nothing(user: str, item_id: str, more: dict[str, Any]) -> None:
    async with shop() as (deps, offsets):
        await choose(deps, offsets, user, item_id, **more)
        assert value(deps, "tastestream_ranker_examples_total") == 0


async def test_an_item_that_no_list_could_hold_counts_as_a_miss() -> None:
    async with shop() as (deps, offsets):
        await choose(deps, offsets, "u", "never-described")
        assert value(deps, "tastestream_live_choices_total", recommender="ranker", variant="default") == 1
        assert value(deps, "tastestream_live_hits_total", recommender="ranker", variant="default") == 0


async def test_a_redelivered_choice_is_not_judged_again() -> None:
    async with shop() as (deps, _):
        body = {"event_type": "purchase", "user_id": "u", "item_id": "i5", "event_time": NOW_MS}
        again = [json_record("user-interactions", 7, "u", body)] * 2
        for record in again:
            await interactions.handle(chunk_of_records(record), deps)
        judge_all(deps)
        assert value(deps, "tastestream_ranker_examples_total") == 1


async def test_fixed_weights_and_an_empty_budget_learn_nothing() -> None:
    for settings in ({"ranker": "fixed"}, {"learn_per_s": 0}):
        async with shop(**settings) as (deps, offsets):
            await choose(deps, offsets, "u", "i5")
            assert value(deps, "tastestream_ranker_examples_total") == 0


async def test_a_learner_that_comes_late_gives_the_same_score() -> None:
    names = ("hits", "reciprocal_rank_sum", "choices")

    async def scores(late: bool) -> list[float]:
        async with shop() as (deps, offsets):
            for number in range(1, 9):
                body = {
                    "event_type": "purchase",
                    "user_id": "u",
                    "item_id": f"i{number}",
                    "event_time": NOW_MS + number,
                }
                record = json_record("user-interactions", next(offsets), "u", body)
                await interactions.handle(chunk_of_records(record), deps)
                if not late:
                    judge_all(deps)
            judge_all(deps)
            by = {"recommender": "popularity", "variant": "default"}
            return [value(deps, f"tastestream_live_{name}_total", **by) for name in names]

    assert await scores(late=True) == await scores(late=False)


async def test_choices_beyond_the_bound_are_dropped_and_counted() -> None:
    async with shop(learn_per_s=10_000, learn_cpu_share=1) as (deps, offsets):
        for number in range(WAITING_BOUND + 3):
            body = {"event_type": "purchase", "user_id": f"u{number}", "item_id": "i0", "event_time": NOW_MS}
            await interactions.handle(
                chunk_of_records(json_record("user-interactions", next(offsets), f"u{number}", body)), deps
            )
            body = {**body, "item_id": "i5", "event_time": NOW_MS + 1}
            await interactions.handle(
                chunk_of_records(json_record("user-interactions", next(offsets), f"u{number}", body)), deps
            )
        assert value(deps, "tastestream_live_choices_dropped_total") == 3
