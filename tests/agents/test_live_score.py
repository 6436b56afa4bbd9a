"""Variants are judged on what users choose, shadows too, on the same events, before anything is learned."""

from typing import Any

import numpy as np
import pytest

from models.ranking.fusion import Fused, Situation
from models.ranking.ranking import Candidates, Steering
from tests.agents.dependencies import NOW_MS
from tests.agents.test_learning import choose, shop, value
from tests.experiments.builders import experiment
from workers.control.live_score import LiveScore
from workers.control.running import Running
from workers.recommend.controls import Controls
from workers.recommend.preview import Preview, rank_in
from workers.runtime.dependencies import Dependencies

SHADOWED = experiment(
    "trial",
    {"name": "as-now"},
    {"name": "fixed", "shadow": True, "settings": {"ranker": "fixed"}},
    {"name": "varied", "shadow": True, "settings": {"diversity": 1.0, "width": 10}},
)
LABELS = ["trial/as-now", "trial/fixed", "trial/varied"]


def run(deps: Dependencies, *experiments: Any) -> None:
    waiting = deps.experiments.replace({one.name: one for one in experiments})
    deps.metrics.set_experiments(len(deps.experiments), len(waiting), [one[0] for one in deps.experiments.scored])


def judged(deps: Dependencies, name: str, variant: str) -> float:
    return value(deps, f"tastestream_live_{name}_total", recommender="ranker", variant=variant)


async def test_every_variant_is_judged_on_the_same_choices() -> None:
    async with shop() as (deps, offsets):
        run(deps, SHADOWED)
        for number in (5, 6, 7):
            await choose(deps, offsets, "u", f"i{number}")
        assert [judged(deps, "choices", label) for label in ("default", *LABELS)] == [3, 3, 3, 3]
        ours = judged(deps, "reciprocal_rank_sum", "default")
        assert judged(deps, "reciprocal_rank_sum", "trial/as-now") == ours > 0


async def test_a_shadow_is_scored_by_its_own_settings() -> None:
    async with shop() as (deps, offsets):
        run(deps, SHADOWED)
        teacher = deps.fusion
        for number in range(200):  # weights that prefer nothing but what is liked least
            scores = {"popularity": np.array([1.0, 0.0]), "transitions": np.array([1.0, 0.0])}
            teacher.learn(scores, Situation(history_length=1, gap_ms=1_000), 1, number)  # type: ignore[attr-defined]
        for other in ("v", "w"):
            await choose(deps, offsets, other, "i0")
            await choose(deps, offsets, other, "i5")
        before = [judged(deps, "reciprocal_rank_sum", label) for label in LABELS]
        await choose(deps, offsets, "u", "i5")
        learned, fixed, _ = (
            judged(deps, "reciprocal_rank_sum", label) - old for label, old in zip(LABELS, before, strict=True)
        )
        assert learned != fixed


async def test_an_experiment_that_ends_takes_its_scores_along() -> None:
    async with shop() as (deps, offsets):
        run(deps, SHADOWED)
        await choose(deps, offsets, "u", "i5")
        assert value(deps, "tastestream_experiments", state="running") == 1
        run(deps)
        labels = {"recommender": "ranker", "variant": "trial/fixed"}
        assert deps.metrics.registry.get_sample_value("tastestream_live_choices_total", labels) is None
        assert judged(deps, "choices", "default") == 1
        assert value(deps, "tastestream_experiments", state="running") == 0


async def test_variants_that_retrieve_alike_share_one_retrieval(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = experiment(
        "trial", {"name": "a"}, {"name": "b", "settings": {"ranker": "fixed"}}, {"name": "c", "settings": {"width": 99}}
    )
    async with shop() as (deps, _):
        running = Running("online")
        running.replace({"trial": alike})
        asked: list[Any] = []
        preview = deps.pipeline.preview  # type: ignore[attr-defined]

        def counted(user: Any, now_ms: int, settings: Any) -> Any:
            asked.append(settings.width)
            return preview(user, now_ms, settings)

        monkeypatch.setattr(deps.pipeline, "preview", counted)
        user = next(rows.get("u") for rows in deps.users.partitions.values() if rows.get("u"))
        previewed = preview(user, NOW_MS)
        previews = LiveScore(deps.pipeline, running).previews(user, NOW_MS, previewed)  # type: ignore[arg-type]
        assert asked == [99]
        assert list(previews) == ["trial/a", "trial/b", "trial/c"]


class Likes:
    """Ranks by one source."""

    def fuse(self, scores: Any, _: Any) -> Fused:
        return Fused(scores["taste"], {"taste": scores["taste"]}, {"taste": 1.0})


def thirty() -> Candidates:
    """Thirty candidates from the best to the worst, all alike but one."""
    twins = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (30, 1))
    twins[15] = [0.0, 1.0]
    return Candidates([f"i{n}" for n in range(30)], {"taste": np.linspace(1.0, 0.5, 30)}, twins)


def ranked(item_id: str, steering: Steering | None = None, diversity: float = 0.0) -> int:
    return rank_in(Preview(thirty(), Situation(), Controls(diversity), steering or Steering()), Likes(), item_id)


def test_diversity_rearranges_the_first_ten_and_nothing_else_gets_into_them() -> None:
    assert ranked("i15") == 16
    assert [ranked(item, diversity=0.9) for item in ("i15", "i9", "i20", "unknown")] == [2, 11, 21, 0]


def test_boosts_and_pins_count_as_in_an_answer() -> None:
    logits = np.zeros(30)
    logits[20] = 5.0
    assert ranked("i20", Steering(boosts={"sale": logits})) == 1
    assert ranked("i25", Steering(pins={2: [25]})) == 3
    assert ranked("i9", Steering(pins={2: [25]})) == 11


async def test_a_shadow_s_rules_are_part_of_its_score() -> None:
    blocked = {"blocks": [{"item_ids": ["i5"]}]}
    pinned = {"pins": [{"rank": 1, "item_ids": ["i5"]}]}
    ruled = experiment(
        "trial",
        {"name": "as-now"},
        {"name": "blocked", "shadow": True, "settings": blocked},
        {"name": "pinned", "shadow": True, "settings": pinned},
    )
    async with shop() as (deps, offsets):
        run(deps, ruled)
        await choose(deps, offsets, "u", "i5")
        assert judged(deps, "reciprocal_rank_sum", "trial/blocked") == 0
        assert judged(deps, "reciprocal_rank_sum", "trial/pinned") == 1
        assert judged(deps, "choices", "trial/blocked") == 1
