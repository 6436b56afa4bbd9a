"""Workloads of the scale benchmark: their data, sizes and time limits, and what each is to reach (reads files)."""

from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from load.bench.capacity import STEPS
from load.bench.scale_table import Target
from load.datasets.dataset import Dataset, find_data
from load.datasets.errors import LoadError
from load.datasets.interleaved import interleaved_dataset

SMALL_CATALOG, LARGE_CATALOG = 10_000, 100_000  # most items that the targets for answers speak of
BURSTS, INTERLEAVED, DEEP = "bursts", "interleaved", "deep"


@dataclass(frozen=True, slots=True)
class Workload:
    """Sizes of the data, and the seconds after which loading it is given up; `bursts` has the sizes of its data."""

    name: str
    items: int
    users: int
    events: int
    within_s: float
    by_default: bool = True


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured: rounds of requests and their seconds, seconds of ingest beside requests, requests one
    after the other, and rates (requests/s) that are tried for `step_s` each.
    """

    rounds: int = 3
    round_s: float = 3.0
    busy_s: float = 8.0
    asked: int = 200
    steps: tuple[float, ...] = STEPS
    step_s: float = 3.0


QUICK = Effort(rounds=1, round_s=1.0, busy_s=1.0, asked=20, steps=(10, 20), step_s=1.0)

WORKLOADS = (
    Workload(BURSTS, 9_742, 610, 100_836, 100),
    Workload(f"{INTERLEAVED}-10k", 10_000, 10_000, 60_000, 80),
    Workload(f"{INTERLEAVED}-100k", 100_000, 100_000, 400_000, 120),
    Workload(DEEP, 10_000, 5_000, 500_000, 70),
    Workload("users-1m", 100_000, 1_000_000, 2_000_000, 1_800, by_default=False),
    Workload("items-1m", 1_000_000, 100_000, 400_000, 1_800, by_default=False),
)


def chosen(only: list[str], sizes: list[str], within_s: float | None, *, quick: bool) -> list[Workload]:
    """The workloads whose name starts with one of `only`, and interleaved ones of `sizes`; the default ones without.

    Raises LoadError for a name or sizes that are none.
    """
    if unknown := [name for name in only if not any(one.name.startswith(name) for one in WORKLOADS)]:
        raise LoadError(f"no workload is called {unknown[0]}; there are {', '.join(one.name for one in WORKLOADS)}")
    found = [one for one in WORKLOADS if any(one.name.startswith(name) for name in only)]
    found += [_of_sizes(text) for text in sizes]
    found = found or [one for one in WORKLOADS if one.by_default]
    if quick:
        found = [_tiny(one) for one in found]
    return found if within_s is None else [replace(one, within_s=within_s) for one in found]


def data_of(workload: Workload, folder: Path | None, console: Console) -> Dataset:
    """The data of a workload, made or read now."""
    if workload.name != BURSTS:
        return replace(interleaved_dataset(workload.items, workload.users, workload.events), name=workload.name)
    found = find_data(folder, console=console)
    return replace(found, profiles=[], ratings=found.ratings[: workload.events])


def targets_of(workload: Workload) -> dict[str, Target]:
    """Targets by the key of their figure, see `scale_figures`; each is of one kind of data and of a size."""
    found = {**EVERYWHERE}
    if workload.items <= SMALL_CATALOG:
        found |= SMALL
    elif workload.items <= LARGE_CATALOG:
        found |= LARGE
    return found | OF_WORKLOAD.get(workload.name, {})


def _of_sizes(text: str) -> Workload:
    """
    >>> _of_sizes("2000/1000/5000").events
    5000
    """
    try:
        items, users, events = (int(part) for part in text.split("/"))
    except ValueError as error:
        raise LoadError(f"sizes are ITEMS/USERS/EVENTS, such as 100000/1000000/2000000, not {text}") from error
    if min(items, users, events) < 1:
        raise LoadError(f"sizes start at 1, not {text}")
    return Workload(f"{INTERLEAVED}-{text}", items, users, events, 1_800)


def _tiny(one: Workload) -> Workload:
    events = 1_500 if one.name == BURSTS else 15 * min(one.users, 100)
    return replace(one, items=min(one.items, 300), users=min(one.users, 100), events=min(one.events, events))


def _ratio(must: float, aim: float) -> Target:
    return Target(must, aim, of_ratio=True)


def _least(must: float, aim: float) -> Target:
    return Target(must, aim, least=True)


Targets = dict[str, Target]

EVERYWHERE: Targets = {
    "catalog": _least(3_000, 6_000),
    "busy_p99": _ratio(4, 2),
    "capacity": _least(300, 600),
    "calls": Target(1, 1),
    "searches": Target(2, 1),
    "restarts": Target(0, 0),
    "unanswered": Target(0, 0),
}
SMALL: Targets = {
    "idle_p50": _ratio(2.0, 1.5),
    "idle_p99": _ratio(2.0, 1.5),
    "compute_p50": Target(2.5, 1.5),
    "compute_p99": Target(5, 3),
}
LARGE: Targets = {"idle_p50": _ratio(2.2, 1.6), "idle_p99": _ratio(2.5, 1.6)}
OF_WORKLOAD: dict[str, Targets] = {
    BURSTS: {"memory": Target(300, 230)},
    f"{INTERLEAVED}-10k": {"events": _least(6_000, 12_000)},
    f"{INTERLEAVED}-100k": {
        "events": _least(5_000, 10_000),
        "item_memory": Target(5, 3),
        "user_memory": Target(2, 1.2),
        "restart": Target(15, 5),
    },
    DEEP: {"events": _least(3_000, 8_000), "changelog": Target(3, 1)},
}
