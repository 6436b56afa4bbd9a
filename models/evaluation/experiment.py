"""Who sees which variant of an experiment, and whether as many came as were meant to."""

import math
from collections.abc import Sequence
from hashlib import blake2b

_BITS = 53  # of a float's mantissa: with more, the largest hashes would round up to 1


def draw(user_id: str, experiment: str) -> float:
    """A number in [0, 1), uniform over users, the same for ever and anywhere; other experiments draw others.

    64 bits of blake2b over both names; an id holds no control character, so the zero between them is no part of one.

    >>> draw("u1", "prices") == draw("u1", "prices") != draw("u1", "colours")
    True
    """
    digest = blake2b(f"{experiment}\0{user_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> (64 - _BITS)) * 2.0**-_BITS


def assign(user_id: str, experiment: str, weights: Sequence[float]) -> int:
    """Place of the user's variant among `weights`, which are ≥ 0, not all 0, in any unit. O(variants).

    >>> [assign(f"u{n}", "prices", [1, 0, 1]) for n in range(8)]
    [2, 0, 0, 2, 2, 2, 2, 2]
    """
    left = draw(user_id, experiment) * math.fsum(weights)
    for position, weight in enumerate(weights):
        left -= weight
        if left < 0.0:
            return position
    return max(position for position, weight in enumerate(weights) if weight > 0.0)


def mismatch(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Probability of counts at least as far from their expected shares, if users were assigned as meant.

    Pearson's chi-square test for a sample ratio mismatch; `weights` as for `assign`, those of 0 are left out.
    1 for fewer than two variants or no users. Below .0005 something loses or moves users, and no figure of the
    experiment can be trusted: Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled experiments".

    >>> round(mismatch([500, 500], [1, 1]), 3), mismatch([600, 400], [1, 1]) < .0005
    (1.0, True)
    """
    kept = [(count, weight) for count, weight in zip(counts, weights, strict=True) if weight > 0.0]
    total, whole = sum(count for count, _ in kept), math.fsum(weight for _, weight in kept)
    if len(kept) < 2 or total == 0:
        return 1.0
    expected = [total * weight / whole for _, weight in kept]
    distance = math.fsum((count - meant) ** 2 / meant for (count, _), meant in zip(kept, expected, strict=True))
    return chi_square_tail(distance, len(kept) - 1)


def chi_square_tail(distance: float, degrees: int) -> float:
    """P(chi-square with `degrees` ≥ 1 of freedom > `distance`): the upper incomplete gamma function by its recurrence.

    Q(1/2, x) = erfc(√x), Q(1, x) = e^−x, Q(a + 1, x) = Q(a, x) + x^a e^−x / Γ(a + 1), where a is half the degrees of
    freedom and x half the distance: Abramowitz & Stegun 1964, 6.5.21.

    >>> round(chi_square_tail(3.841, 1), 3), round(chi_square_tail(7.815, 3), 3), round(chi_square_tail(5.991, 2), 3)
    (0.05, 0.05, 0.05)
    """
    x = distance / 2.0
    a, tail = (0.5, math.erfc(math.sqrt(x))) if degrees % 2 else (1.0, math.exp(-x))
    while a < degrees / 2.0 and x > 0.0:
        tail += math.exp(a * math.log(x) - x - math.lgamma(a + 1.0))
        a += 1.0
    return min(1.0, tail)
