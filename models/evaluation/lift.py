"""By how much one variant does better than another, and how sure that is."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Z = 1.959964
"""Standard errors to either side of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two sums over users, and the variance of its estimate; NaN where there is nothing to divide by."""

    value: float
    variance: float


@dataclass(frozen=True, slots=True)
class Lift:
    """Relative difference to the control: 0.1 is a tenth more; 95 % interval from `low` to `high`, NaN without data."""

    value: float
    low: float
    high: float


def ratio_of(numerators: Floats, denominators: Floats) -> Ratio:
    """Σ numerators / Σ denominators, float64 (n,) each, one entry a user.

    One user's clicks are alike, so users are the unit and not impressions. The variance is the delta method's,
    n / (n − 1) · Σ (x − ratio · y)² / (Σ y)². Deng, Knoblich & Lu 2018, "Applying the delta method in metric
    analytics".

    >>> ratio_of(np.array([1.0, 0.0, 1.0]), np.array([2.0, 2.0, 4.0])).value
    0.25
    """
    users, below = len(numerators), float(denominators.sum())
    if below <= 0.0:
        return Ratio(math.nan, math.nan)
    value = float(numerators.sum()) / below
    if users < 2:
        return Ratio(value, math.nan)
    spread = float(((numerators - value * denominators) ** 2).sum())
    return Ratio(value, users / (users - 1) * spread / below**2)


def lift_of(ours: Ratio, control: Ratio) -> Lift:
    """Ours / control − 1 for two groups of different users.

    The interval is that of the logarithm, whose distribution is closer to a normal one and never falls below −100 %:
    ln(ours / control) ± 1.96 · √(variance of each / its value²).

    >>> found = lift_of(Ratio(0.12, 1e-6), Ratio(0.10, 1e-6))
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.2, 0.17, 0.231)
    """
    if not (ours.value > 0.0 and control.value > 0.0):
        value = -1.0 if control.value > 0.0 and ours.value == 0.0 else math.nan
        return Lift(value, math.nan, math.nan)
    quotient = ours.value / control.value
    error = Z * math.sqrt(ours.variance / ours.value**2 + control.variance / control.value**2)
    return Lift(quotient - 1.0, quotient * math.exp(-error) - 1.0, quotient * math.exp(error) - 1.0)
