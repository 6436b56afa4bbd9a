"""Figures of answers whose worth is known."""

import numpy as np
import pytest

from models.evaluation.outcomes import DAY_MS, Answered, Outcomes, interval, lift, slices, summary


def answered(
    user_id: str = "u",
    found: tuple[str, ...] = ("a", "b"),
    wanted: tuple[str, ...] = ("a",),
    *,
    gap_ms: int = 1,
    length: int = 9,
    popularity: tuple[float, ...] = (0.5, 0.25),
    labels: tuple[frozenset[str], ...] | None = None,
) -> Answered:
    return Answered(user_id, gap_ms, length, 0, found, frozenset(wanted), popularity[: len(found)], labels)


def outcomes(*answers: Answered) -> Outcomes:
    return Outcomes.of(answers, k=10, known_items=4)


def test_first_place_is_worth_more_than_second_and_a_miss_nothing() -> None:
    found = outcomes(answered(wanted=("a",)), answered(wanted=("b",)), answered(wanted=("c",)))
    assert found.ranks.tolist() == [1, 2, 0]
    assert found.ndcgs.tolist() == pytest.approx([1.0, 1 / np.log2(3), 0.0])
    assert found.reciprocal_ranks().tolist() == [1.0, 0.5, 0.0]
    assert found.hit_rate() == pytest.approx(2 / 3)


def test_recall_is_the_share_of_what_was_wanted() -> None:
    found = outcomes(answered(found=("a", "b"), wanted=("a", "b", "c", "d")))
    assert found.recalls.tolist() == [0.5]
    assert found.ndcgs.tolist() == [1.0]


def test_empty_answer_is_a_miss() -> None:
    found = outcomes(answered(found=()))
    assert (found.hit_rate(), found.ndcgs.tolist(), found.novelties.tolist()) == (0.0, [0.0], [0.0])


def test_rare_items_are_novel_and_unlike_ones_diverse() -> None:
    crime, comedy = frozenset({"Crime"}), frozenset({"Comedy"})
    alike, unlike = answered(labels=(crime, crime)), answered(labels=(crime, comedy))
    found = outcomes(alike, unlike)
    assert found.diversities.tolist() == [0.0, 1.0]
    assert found.novelties.tolist() == pytest.approx([1.5, 1.5])


def test_coverage_counts_items_shown_of_items_known() -> None:
    assert outcomes(answered(found=("a", "b")), answered(found=("b", "c"))).coverage == 0.75


def test_slices_say_who_was_asked_for_and_after_how_long() -> None:
    found = outcomes(answered(length=0), answered(length=2), answered(gap_ms=2 * DAY_MS))
    named = {name: where.tolist() for name, where in slices(found).items()}
    assert named["no history"] == [True, False, False]
    assert named["cold users"] == [False, True, False]
    assert named["return after a day"] == [False, False, True]
    assert named["same sitting"] == [False, True, False]
    assert found.known().lengths.tolist() == [2, 9]


def test_interval_of_few_users_with_many_questions_is_wide() -> None:
    values = np.repeat([0.0, 1.0, 0.0, 1.0], 100)
    few = interval(values, np.repeat(np.arange(4), 100), seed=1)
    many = interval(values, np.arange(400), seed=1)
    assert few[1] - few[0] > 3 * (many[1] - many[0])


def test_same_seed_gives_the_same_interval() -> None:
    values, users = np.random.default_rng(0).random(50), np.arange(50)
    assert interval(values, users, seed=5) == interval(values, users, seed=5)


def test_lift_of_a_recommender_over_itself_is_one() -> None:
    found = outcomes(*(answered(f"u{n}", wanted=("a",) if n % 2 else ("c",)) for n in range(40)))
    assert lift(found, found, seed=1) == pytest.approx((1.0, 1.0, 1.0))


def test_lift_needs_the_same_questions() -> None:
    with pytest.raises(ValueError, match="same questions"):
        lift(outcomes(answered()), outcomes(answered(), answered()), seed=1)


def test_summary_leaves_out_empty_slices_and_unknown_diversity() -> None:
    found = summary(outcomes(answered(length=9)))
    assert "no history" not in found
    assert "diversity" not in found["known users"]
    assert found["known users"]["hit rate"] == (1.0, 1.0, 1.0)


def test_run_without_questions_has_figures_too() -> None:
    nothing = outcomes()
    assert (nothing.hit_rate(), nothing.mean_reciprocal_rank(), summary(nothing)) == (0.0, 0.0, {})
