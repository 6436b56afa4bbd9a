"""Known lifts are found, and 95 % intervals hold the truth in 95 of 100 experiments."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.lift import Ratio, lift_of, ratio_of

Floats = NDArray[np.float64]


def group(rng: np.random.Generator, users: int, rate: float, spread: float = 0.5) -> tuple[Floats, Floats]:
    """Clicks and impressions of users who differ in both: active ones see more, and click at a rate of their own."""
    shown = 10.0 * rng.geometric(0.3, users)
    own = np.clip(rng.gamma(1.0 / spread**2, rate * spread**2, users), 0.0, 1.0)
    return rng.binomial(shown.astype(int), own).astype(float), shown


def test_a_known_lift_is_found() -> None:
    rng = np.random.default_rng(7)
    ours, control = group(rng, 100_000, 0.12), group(rng, 100_000, 0.10)
    found = lift_of(ratio_of(*ours), ratio_of(*control))
    assert found.value == pytest.approx(0.2, abs=0.02)
    assert found.low < 0.2 < found.high and found.high - found.low < 0.05


@pytest.mark.parametrize(("users", "rate", "lift"), [(400, 0.05, 0.0), (400, 0.05, 0.3), (2_000, 0.01, 0.2)])
def test_intervals_hold_the_truth_as_often_as_they_say(users: int, rate: float, lift: float) -> None:
    rng = np.random.default_rng(20260)
    hits, runs = 0, 1_000
    for _ in range(runs):
        found = lift_of(ratio_of(*group(rng, users, rate * (1 + lift))), ratio_of(*group(rng, 2 * users, rate)))
        hits += found.low <= lift <= found.high
    assert 0.93 <= hits / runs <= 0.97


def test_the_interval_is_that_of_the_bootstrap_by_user() -> None:
    rng = np.random.default_rng(3)
    ours, control = group(rng, 1_500, 0.06), group(rng, 1_500, 0.05)
    drawn = []
    for _ in range(2_000):
        ratios = [
            x[chosen].sum() / y[chosen].sum()
            for x, y in (ours, control)
            for chosen in [rng.integers(0, len(x), len(x))]
        ]
        drawn.append(ratios[0] / ratios[1] - 1.0)
    low, high = np.percentile(drawn, (2.5, 97.5))
    found = lift_of(ratio_of(*ours), ratio_of(*control))
    assert found.high - found.low == pytest.approx(high - low, rel=0.08)
    assert found.low == pytest.approx(low, abs=0.02)


def test_users_and_not_impressions_are_counted_as_independent() -> None:
    one_each = ratio_of(np.array([1.0, 0.0] * 500), np.ones(1_000))
    ten_each = ratio_of(np.array([10.0, 0.0] * 500), np.full(1_000, 10.0))
    assert ten_each == Ratio(pytest.approx(one_each.value), pytest.approx(one_each.variance))  # type: ignore[arg-type]


def test_without_data_there_is_no_interval() -> None:
    nothing = ratio_of(np.zeros(0), np.zeros(0))
    one_user = ratio_of(np.ones(1), np.ones(1))
    no_click = ratio_of(np.zeros(9), np.ones(9))
    assert math.isnan(nothing.value) and math.isnan(one_user.variance)
    assert math.isnan(lift_of(one_user, nothing).value)
    assert math.isnan(lift_of(one_user, no_click).value)
    assert lift_of(no_click, one_user).value == -1.0
    assert all(math.isnan(lift_of(*pair).low) for pair in ((one_user, one_user), (no_click, one_user)))
