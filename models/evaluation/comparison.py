"""The variants of an experiment beside each other: columns of what was shown in, one arm a variant out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.attribution import Ints, Keys
from models.evaluation.lift import Floats, Ratio, ratio_of

CTR, PURCHASES, VALUE = "clicks an impression", "purchases a user", "value a user"
METRICS = (CTR, PURCHASES, VALUE)


@dataclass(frozen=True, slots=True, eq=False)
class Exposures:
    """Items that were shown in one experiment, each item of each answer once; all arrays of shape (n,).

    `users`, `recommendations`: hashes of ids; `variants`: number of the variant, from 0; `clicked`, `bought`: bool;
    `values`: what was bought, in any currency.
    """

    users: Keys
    recommendations: Keys
    variants: Ints
    clicked: NDArray[np.bool_]
    bought: NDArray[np.bool_]
    values: Floats


@dataclass(frozen=True, slots=True)
class Arm:
    """What came of one variant: counts, and its metrics as ratios over users."""

    users: int
    answers: int
    impressions: int
    clicks: int
    purchases: int
    value: float
    ratios: dict[str, Ratio]


def arms_of(exposures: Exposures, variants: int) -> tuple[list[Arm], int]:
    """One arm for each of so many variants, and the number of users who are in none because they saw several.

    A user who saw two variants belongs to neither: weights were changed meanwhile.
    """
    users, codes = np.unique(exposures.users, return_inverse=True)
    first = np.full(len(users), variants, dtype=np.int64)
    last = np.full(len(users), -1, dtype=np.int64)
    np.minimum.at(first, codes, exposures.variants)
    np.maximum.at(last, codes, exposures.variants)
    pure = first == last
    arms = [_arm(exposures, np.flatnonzero((exposures.variants == one) & pure[codes])) for one in range(variants)]
    return arms, int(len(users) - np.count_nonzero(pure))


def _arm(exposures: Exposures, rows: NDArray[np.intp]) -> Arm:
    users, codes = np.unique(exposures.users[rows], return_inverse=True)
    clicked, bought, values = exposures.clicked[rows], exposures.bought[rows], exposures.values[rows]
    one_each = np.ones(len(users))

    def by_user(column: NDArray[np.bool_] | Floats | None) -> Floats:
        weights = None if column is None else column.astype(np.float64)
        return np.bincount(codes, weights=weights, minlength=len(users)).astype(np.float64)

    return Arm(
        users=len(users),
        answers=len(np.unique(exposures.recommendations[rows])),
        impressions=len(rows),
        clicks=int(clicked.sum()),
        purchases=int(bought.sum()),
        value=float(values.sum()),
        ratios={
            CTR: ratio_of(by_user(clicked), by_user(None)),
            PURCHASES: ratio_of(by_user(bought), one_each),
            VALUE: ratio_of(by_user(values), one_each),
        },
    )
