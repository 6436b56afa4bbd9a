"""Evaluates recommenders side by side on one data set, offline (reads files; runs the code that is named to it).

`python -m load.evaluation.run --data DIR --protocol prequential`; any recommender takes part as `module:Class`.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from rich.console import Console

from load.client.stream_eval import as_events, catalog_of
from load.datasets.dataset import Dataset, find_data
from load.datasets.errors import OptionError
from load.evaluation.report import draw, print_costs, print_report, write_json
from load.evaluation.runs import Costs, Timed, progress_of, run_each
from models.evaluation.baselines import Mixture, MostPopular
from models.evaluation.evaluation import Recommends, compare, leave_last_out, split_by_time
from models.evaluation.outcomes import Outcomes
from models.ranking.fusion import FixedFusion
from models.recommender import Recommender

Protocol = Literal["prequential", "time-split", "leave-last-out"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
Catalog = list[dict[str, Any]]

OURS = "learned ranker"
MIXTURE = "40/40/20 mixture"
POPULARITY = "popularity"

CONFIGURATIONS: Mapping[str, Callable[[Catalog], Recommends]] = {
    OURS: Recommender,
    "fixed weights": partial(Recommender, fusion=FixedFusion()),
    MIXTURE: Mixture,
    POPULARITY: lambda _: MostPopular(),
}
"""What is compared when nothing else is asked for; the first is the one that the others are measured against."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Protocol, list length, seed of the intervals, how many of the first events (None: all), and who else."""

    protocol: Protocol = "prequential"
    k: int = 10
    seed: int = 7
    events: int | None = None
    only: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one recommender."""

    outcomes: Outcomes
    costs: Costs


def evaluate_all(dataset: Dataset, plan: Plan, console: Console) -> dict[str, Judged]:
    """What came of each, all asked the same; raises OptionError for a recommender that can't be had."""
    check(plan)
    ours = [name for name in CONFIGURATIONS if not plan.only or name in plan.only]
    events = dataset.ratings[: plan.events]
    return dict(run_each([*ours, *plan.others], partial(judge, dataset, plan), len(events), console))


def check(plan: Plan) -> None:
    """Raise OptionError for what the plan names and is not there, before anything is computed."""
    if plan.protocol not in PROTOCOLS:
        raise OptionError(f"unknown protocol {plan.protocol!r}: choose {', '.join(PROTOCOLS)}")
    if unknown := [name for name in plan.only if name not in CONFIGURATIONS]:
        raise OptionError(f"no configuration is called {unknown[0]!r}: choose from {', '.join(CONFIGURATIONS)}")
    for name in plan.others:
        find_recommender(name)


def judge(dataset: Dataset, plan: Plan, name: str) -> Judged:
    """One recommender, asked by the plan's protocol, in a process of `run_each`."""
    catalog = catalog_of(dataset)
    build = CONFIGURATIONS.get(name)
    built = build(catalog) if build else load_recommender(name, catalog)
    timed = Timed(built, progress_of(name))
    events = list(as_events(dataset.ratings[: plan.events]))
    labels = partial(_labels, {item["item_id"]: item["genres"] for item in catalog})
    if plan.protocol == "prequential":
        outcomes = compare({name: timed}, events, plan.k, labels=labels, strangers=True)
    else:
        protocol = split_by_time if plan.protocol == "time-split" else leave_last_out
        outcomes = protocol({name: timed}, events, plan.k, labels=labels)
    return Judged(outcomes[name], timed.costs)


def load_recommender(name: str, catalog: Catalog) -> Recommends:
    """An instance of `module:Class`; the class takes the catalog or nothing.

    Raises OptionError if it can't be imported or built, or lacks `observe` or `recommend`.
    """
    wanted = find_recommender(name)
    try:
        built = wanted(catalog) if _takes_one(wanted) else wanted()
    except (TypeError, ValueError) as error:
        raise OptionError(f"{name!r} can't be evaluated: {error}") from error
    if not _recommends(built):
        raise OptionError(f"{name!r} can't be evaluated: it needs observe(event) and recommend(user_id, k, now)")
    found: Recommends = built
    return found


def find_recommender(name: str) -> Callable[..., Any]:
    """What `module:Class` names; raises OptionError if it can't be imported, or is a class that can't recommend."""
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise OptionError(f"{name!r} can't be evaluated: name it as module:Class")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # importing runs foreign code
        raise OptionError(f"{name!r} can't be evaluated: {error}; name it as module:Class") from error
    if not callable(found) or (inspect.isclass(found) and not _recommends(found)):
        raise OptionError(f"{name!r} can't be evaluated: it needs observe(event) and recommend(user_id, k, now)")
    return found


def _recommends(one: object) -> bool:
    return callable(getattr(one, "observe", None)) and callable(getattr(one, "recommend", None))


def _takes_one(wanted: Callable[..., Any]) -> bool:
    try:
        inspect.signature(wanted).bind([])
    except TypeError:
        return False
    return True


def _labels(categories: Mapping[str, Sequence[str]], item_id: str) -> Sequence[str]:
    return categories.get(item_id, ())


def main(
    data: Path | None,
    protocol: str,
    recommender: Sequence[str],
    only: Sequence[str],
    k: int,
    events: int | None,
    seed: int,
    json: Path | None,
    plot: Path | None,
) -> None:
    """Compare recommenders on a data set: table, and if asked for JSON and a plot."""
    console = Console() if sys.stdout.isatty() else Console(width=130)
    plan = Plan(protocol, k, seed, events, tuple(only), tuple(recommender))  # type: ignore[arg-type]
    check(plan)
    if plot is not None and find_spec("matplotlib") is None:
        raise OptionError("a plot needs matplotlib: install it, or leave --plot out")
    for file in (json, plot):
        if file is not None and not file.absolute().parent.is_dir():
            raise OptionError(f"{file} can't be written: there is no folder {file.absolute().parent}")
    dataset = find_data(data, console=console)
    judged = evaluate_all(dataset, plan, console)
    outcomes = {name: one.outcomes for name, one in judged.items()}
    title = f"{dataset.name} ({dataset.origin}), {protocol}, lists of {k}"
    print_report(title, outcomes, seed, console)
    print_costs({name: one.costs for name, one in judged.items()}, console)
    if json is not None:
        write_json(json, title, outcomes, seed)
    if plot is not None:
        draw(plot, title, outcomes, seed)
