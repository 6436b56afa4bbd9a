"""Shows outcomes of an evaluation: tables, JSON, a plot (writes the files it is given)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from load.datasets.errors import LoadError
from load.evaluation.runs import Costs
from models.evaluation.outcomes import Outcomes, lift, slices, summary

BARS_HIGH_IN, SLICE_WIDE_IN = 4.5, 1.9
DPI = 130


def print_report(title: str, outcomes: Mapping[str, Outcomes], seed: int, console: Console) -> None:
    """Two tables: every metric over known users, and the hit rate of every slice; 95 % intervals by user."""
    console.print(_metrics_table(title, outcomes, seed))
    console.print(_slices_table(outcomes, seed))
    first, *others = outcomes
    for name in others:
        ratio, low, high = _lift(outcomes[first], outcomes[name], seed)
        console.print(f"{first}: hit rate {ratio:.2f} times {name}'s (95 %: {low:.2f} to {high:.2f})", highlight=False)


def print_costs(costs: Mapping[str, Costs], console: Console) -> None:
    """What learning and answering took in this process, without Kafka."""
    table = Table("recommender", "learn one event, p50", "one answer, p99", title="cost")
    for name, one in costs.items():
        table.add_row(name, f"{one.learn_us:,.0f} µs", f"{one.answer_ms:.1f} ms")
    console.print(table)


def write_json(path: Path, title: str, outcomes: Mapping[str, Outcomes], seed: int) -> None:
    """All figures as [mean, low, high] by recommender, slice and metric."""
    figures = {
        name: {"coverage": found.coverage, "questions": len(found.ranks), "slices": summary(found, seed)}
        for name, found in outcomes.items()
    }
    path.write_bytes(orjson.dumps({"title": title, "recommenders": figures}, option=orjson.OPT_INDENT_2))


def draw(path: Path, title: str, outcomes: Mapping[str, Outcomes], seed: int) -> None:
    """Hit rate by slice, a bar for each recommender with its interval; raises LoadError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise LoadError("a plot needs matplotlib: install it, or leave --plot out") from error
    found = {name: summary(one, seed) for name, one in outcomes.items()}
    names = list(dict.fromkeys(name for one in found.values() for name in one))
    figure = Figure(figsize=(SLICE_WIDE_IN * (len(names) + 1), BARS_HIGH_IN), layout="constrained")
    axes = figure.subplots()
    wide = 0.8 / len(found)
    for position, (recommender, one) in enumerate(found.items()):
        means, lows, highs = np.array([one[name]["hit rate"] for name in names]).T
        at = np.arange(len(names)) + (position - (len(found) - 1) / 2) * wide
        axes.bar(at, means, wide, label=recommender, yerr=np.maximum([means - lows, highs - means], 0.0), capsize=2)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("hit rate")
    axes.set_title(title)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=DPI)


def _metrics_table(title: str, outcomes: Mapping[str, Outcomes], seed: int) -> Table:
    found = {name: summary(one, seed).get("known users", {}) for name, one in outcomes.items()}
    metrics = list(dict.fromkeys(metric for one in found.values() for metric in one))
    table = Table("recommender", *metrics, "coverage", title=f"{title}: known users")
    for name, one in found.items():
        table.add_row(name, *(_with_interval(one[metric]) for metric in metrics), f"{outcomes[name].coverage:.3f}")
    return table


def _slices_table(outcomes: Mapping[str, Outcomes], seed: int) -> Table:
    first = next(iter(outcomes.values()))
    sizes = {name: int(where.sum()) for name, where in slices(first).items() if where.any()}
    headings = (f"{name} ({size:,})" for name, size in sizes.items())
    table = Table("recommender", *headings, title="hit rate by slice (questions)")
    for name, one in outcomes.items():
        found = summary(one, seed)
        table.add_row(name, *(_with_interval(found[part]["hit rate"]) for part in sizes))
    return table


def _with_interval(figure: tuple[float, float, float]) -> str:
    mean, low, high = figure
    return f"{mean:.4g}\n{low:.3g}–{high:.3g}"


def _lift(ours: Outcomes, theirs: Outcomes, seed: int) -> tuple[float, float, float]:
    return lift(ours.known(), theirs.known(), seed)
