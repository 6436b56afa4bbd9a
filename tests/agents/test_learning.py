"""What users choose judges and teaches the ranker by what was known before; nothing else does."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from models.ranking.budget import Budget
from models.ranking.ranker import OnlineRanker
from models.ranking.ranker_weights import RankerWeights
from tests.agents.dependencies import NOW_MS, chunk_of_records, done, json_record, partition_for, running_deps
from tests.experiments.builders import experiment
from tests.waiting import until
from workers.agents import catalog, interactions
from workers.control.learner import MOST_WAITING, Learner
from workers.errors import DependencyError
from workers.runtime.dependencies import Dependencies

ITEMS = 12


def value(deps: Dependencies, name: str, **labels: str) -> float:
    return deps.metrics.registry.get_sample_value(name, labels) or 0.0


async def choose(deps: Dependencies, offsets: Iterator[int], user: str, item_id: str, **more: Any) -> None:
    offset = next(offsets)
    body = {"event_type": "purchase", "user_id": user, "item_id": item_id, "event_time": NOW_MS + offset, **more}
    await interactions.handle(chunk_of_records(json_record("user-interactions", offset, user, body)), deps)
    learner = deps.learner
    await until(lambda: learner is None or not learner.started or not learner.waiting)


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


async def test_a_choice_is_judged_and_learned_by_what_was_known_before() -> None:
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
        await until(lambda: deps.learner is not None and not deps.learner.waiting)
        assert value(deps, "tastestream_ranker_examples_total") == 1


async def test_fixed_weights_and_an_empty_budget_learn_nothing() -> None:
    for settings in ({"ranker": "fixed"}, {"learn_per_s": 0}):
        async with shop(**settings) as (deps, offsets):
            await choose(deps, offsets, "u", "i5")
            assert value(deps, "tastestream_ranker_examples_total") == 0


async def test_an_index_that_does_not_answer_holds_no_event_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise DependencyError("the index is away")

    async with shop() as (deps, offsets):
        monkeypatch.setattr(deps.pipeline, "preview", away)
        await choose(deps, offsets, "u", "i5")
        user = deps.users.partitions[json_record("t", 0, "u", {}).partition].get("u")
        assert user is not None and user.seen("i5")
        assert value(deps, "tastestream_ranker_examples_total") == 0


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def with_learner_not_started(deps: Dependencies, clock: Clock) -> tuple[Dependencies, Learner]:
    """The same dependencies with a learner that takes every choice and judges none before it is started."""
    assert isinstance(deps.fusion, OnlineRanker)
    pipeline: Any = deps.pipeline
    learner = Learner(pipeline, deps.fusion, Budget(1e6, 1.0), deps.metrics, deps.experiments, clock)
    return replace(deps, learner=learner), learner


async def scores_of_learner(late_s: float) -> tuple[dict[str, float], Any]:
    """All live scores, and the ranker's weights, after choices that were judged at once, or so many seconds later."""
    clock = Clock()
    async with shop() as (built, offsets):
        run_shadows(built)
        deps, learner = with_learner_not_started(built, clock)
        if not late_s:
            await learner.start()
        for user, item_id in [(user, f"i{number}") for number in (5, 7, 2, 9) for user in ("u", "v", "w")]:
            await choose(deps, offsets, user, item_id)
        clock.now_s += late_s
        if late_s:
            assert learner.waiting == 10, "first touches of v and w ask for no list"
            await learner.start()
            await until(lambda: not learner.waiting)
        await learner.stop()
        samples = [one for metric in deps.metrics.registry.collect() for one in metric.samples]
        live = {f"{one.name}{one.labels}": one.value for one in samples if one.name.startswith("tastestream_live_")}
        assert isinstance(deps.fusion, OnlineRanker)
        return {name: score for name, score in live.items() if "_created" not in name}, deps.fusion.weights.values


def run_shadows(deps: Dependencies) -> None:
    settings = ({"ranker": "fixed"}, {"diversity": 1.0, "width": 10})
    variants = [{"name": f"v{n}", "shadow": bool(n), "settings": one} for n, one in enumerate(({}, *settings))]
    deps.experiments.replace({"trial": experiment("trial", *variants)})


async def test_a_learner_that_comes_five_seconds_late_gives_the_same_live_score() -> None:
    at_once, weights = await scores_of_learner(late_s=0.0)
    late, late_weights = await scores_of_learner(late_s=5.0)
    assert late == at_once
    assert sum(score for name, score in at_once.items() if "reciprocal" in name) > 0
    assert np.array_equal(late_weights, weights)
    assert not np.array_equal(weights, RankerWeights().values)


async def test_choices_beyond_the_bound_are_dropped_and_counted_and_hold_no_event_up() -> None:
    async with shop() as (built, offsets):
        deps, learner = with_learner_not_started(built, Clock())
        users = [f"user {number}" for number in range(MOST_WAITING + 3)]
        for item_id in ("i0", "i5"):
            for user in users:
                await choose(deps, offsets, user, item_id)
        assert learner.waiting == MOST_WAITING
        assert value(deps, "tastestream_live_choices_dropped_total") == 3
        rows = [deps.users.partitions[partition_for(user)].get(user) for user in users]
        assert all(row is not None and row.seen("i5") for row in rows)


async def test_the_score_of_an_experiment_that_ended_meanwhile_stays_gone() -> None:
    async with shop() as (built, offsets):
        run_shadows(built)
        deps, learner = with_learner_not_started(built, Clock())
        await choose(deps, offsets, "u", "i5")
        deps.experiments.replace({})
        await learner.start()
        await until(lambda: not learner.waiting)
        await learner.stop()
        assert value(deps, "tastestream_live_choices_total", recommender="ranker", variant="default") == 1
        labels = {"recommender": "ranker", "variant": "trial/v1"}
        assert deps.metrics.registry.get_sample_value("tastestream_live_choices_total", labels) is None
