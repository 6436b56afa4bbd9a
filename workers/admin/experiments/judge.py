"""From columns to verdicts: the arms of each experiment, their lifts, and what to be careful about (no I/O)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.attribution import NOWHERE, Ints, attribute, first_of_each
from models.evaluation.comparison import CTR, METRICS, PURCHASES, Arm, Exposures, arms_of
from models.evaluation.experiment import mismatch
from models.evaluation.lift import Floats, Lift, lift_of
from workers.admin.experiments.columns import Sample
from workers.admin.experiments.outcomes import CLICK, PURCHASE
from workers.messages.plurals import counted
from workers.records.experiment import Experiment

MISMATCH = 0.0005
"""Probability below which counts of users are no chance any more."""
FEW_USERS, FEW_ACTS = 100, 20
"""Of an arm: below, the normal approximation behind the intervals does not hold."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One experiment: arms by variant, the control first; lifts of the other arms by metric."""

    name: str
    state: str
    arms: Mapping[str, Arm]
    lifts: Mapping[str, Mapping[str, Lift]]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Defined:
    """An experiment as the topic knows it; `experiment` is None where only its answers are left."""

    name: str
    state: str
    experiment: Experiment | None = None


def outcomes_of(sample: Sample, window_ms: int) -> Exposures:
    """What was shown and what came of it, each act once; `variants` are the numbers of the labels."""
    impressions, labels = sample.impressions()
    acts, kinds, worth = sample.acts()
    positions = attribute(impressions, acts, window_ms)

    def counted(kind: int) -> NDArray[np.intp]:
        of_kind = np.where(kinds == kind, positions, NOWHERE)
        return np.flatnonzero(first_of_each(of_kind, acts.times_ms))

    clicked, bought = np.zeros(len(labels), dtype=np.bool_), np.zeros(len(labels), dtype=np.bool_)
    values: Floats = np.zeros(len(labels))
    clicked[positions[counted(CLICK)]] = True
    bought[positions[counted(PURCHASE)]] = True
    values[positions[counted(PURCHASE)]] = worth[counted(PURCHASE)]
    return Exposures(impressions.users, impressions.recommendations, labels, clicked, bought, values)


def judge(defined: Defined, outcomes: Exposures, labels: Mapping[str, int]) -> Verdict:
    """The verdict on one experiment; `labels`: number of each variant that answers name."""
    seen = {number: found for label, number in labels.items() if (found := _variant_in(label, defined.name))}
    names = _variants(defined, set(seen.values()))
    number_of = np.full(len(labels) + 1, NOWHERE, dtype=np.int64)
    for number, variant in seen.items():
        number_of[number] = names.index(variant)
    variants: Ints = number_of[outcomes.variants]
    arms, mixed = arms_of(_part(outcomes, variants, variants != NOWHERE), len(names))
    by_name = dict(zip(names, arms, strict=True))
    lifts = {
        name: {metric: lift_of(arm.ratios[metric], arms[0].ratios[metric]) for metric in METRICS}
        for name, arm in list(by_name.items())[1:]
    }
    return Verdict(defined.name, defined.state, by_name, lifts, _warnings(defined, by_name, mixed))


def experiments_in(labels: Mapping[str, int]) -> set[str]:
    """Names of the experiments that answers were part of."""
    return {part.split("/")[0] for label in labels for part in label.split(",") if "/" in part}


def _variant_in(label: str, experiment: str) -> str | None:
    for part in label.split(","):
        name, _, variant = part.partition("/")
        if name == experiment and variant:
            return variant
    return None


def _variants(defined: Defined, seen: set[str]) -> list[str]:
    known = [] if defined.experiment is None else [variant.name for variant in defined.experiment.shown]
    return [*known, *sorted(seen - set(known))]


def _part(outcomes: Exposures, variants: Ints, rows: NDArray[np.bool_]) -> Exposures:
    return Exposures(
        outcomes.users[rows],
        outcomes.recommendations[rows],
        variants[rows],
        outcomes.clicked[rows],
        outcomes.bought[rows],
        outcomes.values[rows],
    )


def _warnings(defined: Defined, arms: Mapping[str, Arm], mixed: int) -> list[str]:
    return [*_on_definition(defined, arms), *_on_users(defined, arms, mixed), *_on_size(arms)]


def _on_definition(defined: Defined, arms: Mapping[str, Arm]) -> list[str]:
    if defined.experiment is None:
        control = next(iter(arms), "none")
        return [f"the definition is gone: {control!r} is taken for the control, the shares of users are not checked"]
    known = {variant.name for variant in defined.experiment.shown}
    gone = ", ".join(sorted(arms.keys() - known))
    return [f"variants of an earlier definition: {gone}; choose --since so that one definition counts"] if gone else []


def _on_users(defined: Defined, arms: Mapping[str, Arm], mixed: int) -> list[str]:
    found = []
    if mixed:
        users = counted(mixed, "user")
        found.append(f"{users} saw several variants, left out of the figures: weights were changed meanwhile")
    if defined.experiment is not None:
        counts = [arms[variant.name].users for variant in defined.experiment.shown]
        chance = mismatch(counts, defined.experiment.weights)
        if chance < MISMATCH:
            found.append(
                f"sample ratio mismatch: users {' : '.join(map(str, counts))} against weights "
                f"{' : '.join(f'{weight:g}' for weight in defined.experiment.weights)} come by chance with p = "
                f"{chance:.1g}; something loses or moves users, trust no figure before it is found"
            )
    return found


def _on_size(arms: Mapping[str, Arm]) -> list[str]:
    found = []
    small = [name for name, arm in arms.items() if arm.users < FEW_USERS]
    if small:
        found.append(f"too few data: under {FEW_USERS} users in {', '.join(small)}; trust no interval yet")
    for metric, counts in (
        (CTR, {name: arm.clicks for name, arm in arms.items()}),
        (PURCHASES, {name: arm.purchases for name, arm in arms.items()}),
    ):
        rare = [name for name, count in counts.items() if count < FEW_ACTS]
        if rare:
            found.append(f"too few data: {metric}, under {FEW_ACTS} in {', '.join(rare)}; trust no interval of it yet")
    return found
