"""Assignment is the same for ever, fair, and says nothing about other experiments; unfair counts are noticed."""

import math
from collections import Counter

import numpy as np
import pytest

from models.evaluation.experiment import assign, chi_square_tail, draw, mismatch

USERS = [f"user-{n}" for n in range(20_000)]


@pytest.mark.parametrize("experiment", ["prices", "colours", "a", "b"])
@pytest.mark.parametrize("weights", [(1, 1), (1, 2, 7), (0.5, 0.25, 0.125, 0.125)])
def test_each_variant_gets_its_share_of_users(experiment: str, weights: tuple[float, ...]) -> None:
    counts = Counter(assign(user, experiment, weights) for user in USERS)
    assert mismatch([counts[position] for position in range(len(weights))], weights) > 0.001


def test_draws_are_uniform_over_a_hundred_bins() -> None:
    counts = np.histogram([draw(user, "prices") for user in USERS], bins=100, range=(0.0, 1.0))[0]
    assert counts.sum() == len(USERS)
    assert mismatch(counts.tolist(), [1.0] * 100) > 0.001


def test_ids_that_count_up_are_spread_as_well_as_any_others() -> None:
    for ids in ([str(n) for n in range(5_000)], [f"{n:032x}" for n in range(5_000)], [f"u{n}@x" for n in range(5_000)]):
        counts = Counter(assign(user, "prices", (1, 1)) for user in ids)
        assert mismatch([counts[0], counts[1]], (1, 1)) > 0.001


def test_one_experiment_says_nothing_about_another() -> None:
    both = Counter((assign(user, "one", (1, 1)), assign(user, "other", (1, 3))) for user in USERS)
    counts = [both[row, column] for row in range(2) for column in range(2)]
    assert mismatch(counts, [1, 3, 1, 3]) > 0.001


def test_assignment_is_what_it_was_in_earlier_versions() -> None:
    """Written down: a change would move users between variants in the middle of an experiment."""
    assert [assign(f"u{n}", "prices", (1, 1, 2)) for n in range(10)] == [2, 1, 0, 2, 2, 2, 2, 2, 0, 1]
    assert draw("u1", "prices") == 0.3962235196642334


def test_a_variant_without_weight_gets_no_user() -> None:
    assert {assign(user, "prices", (0, 1, 0, 1, 0)) for user in USERS[:500]} == {1, 3}


def test_weights_are_shares_whatever_their_unit() -> None:
    assert [assign(user, "e", (0.2, 0.8)) for user in USERS[:200]] == [
        assign(user, "e", (1, 4)) for user in USERS[:200]
    ]


def test_a_draw_next_to_one_still_finds_a_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.evaluation.experiment.draw", lambda *_: 1.0)
    assert assign("u", "e", (0.1, 0.2, 0.0)) == 1


def test_lost_users_are_noticed_and_chance_is_not() -> None:
    assert mismatch([10_000, 10_050], (1, 1)) > 0.5
    assert mismatch([10_000, 9_400], (1, 1)) < 0.0005
    assert mismatch([0, 0], (1, 1)) == mismatch([7], (1,)) == mismatch([7, 0], (1, 0)) == 1.0


@pytest.mark.parametrize(
    ("distance", "degrees", "tail"),
    [(10.828, 1, 0.001), (13.816, 2, 0.001), (16.266, 3, 0.001), (24.322, 7, 0.001), (14.067, 7, 0.05), (0.0, 4, 1.0)],
)
def test_the_tail_is_that_of_the_tables(distance: float, degrees: int, tail: float) -> None:
    assert chi_square_tail(distance, degrees) == pytest.approx(tail, rel=1e-3)


def test_the_tail_of_many_degrees_and_far_distances_stays_a_probability() -> None:
    for degrees in (1, 2, 9, 10, 500):
        tails = [chi_square_tail(distance, degrees) for distance in (0.0, 1e-9, 1.0, 500.0, 1e4)]
        assert tails == sorted(tails, reverse=True) and all(0.0 <= tail <= 1.0 for tail in tails)
        assert not any(map(math.isnan, tails))
