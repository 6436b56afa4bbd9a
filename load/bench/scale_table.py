"""Figures of all workloads, each beside the baseline of the same run and its targets (no I/O)."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.table import Table

Verdict = Literal["", "aim", "must", "missed", "unknown"]
COLOURS: dict[Verdict, str] = {
    "": "default",
    "aim": "green",
    "must": "yellow",
    "missed": "bold red",
    "unknown": "bold red",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Two bounds of a figure, or of its ratio to the baseline; `least`: they are lower bounds.

    >>> Target(3_000, 6_000, least=True).verdict(4_500)
    'must'
    """

    must: float
    aim: float
    least: bool = False
    of_ratio: bool = False

    def verdict(self, value: float) -> Verdict:
        """The better of the bounds that `value` reaches; NaN reaches none."""
        reached = [value >= bound if self.least else value <= bound for bound in (self.aim, self.must)]
        return "aim" if reached[0] else "must" if reached[1] else "missed"

    def shown(self, bound: float) -> str:
        """One of the bounds with its direction."""
        return f"{'≥' if self.least else '≤'} {bound:,g}{' ×' if self.of_ratio else ''}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: a value in `unit`, and what the bare machinery reached in the same run.

    `missing` says why there is no value, or that it is of a part only: such a figure reaches no target.
    """

    name: str
    value: float | None
    unit: str
    baseline: float | None = None
    baseline_name: str = ""
    target: Target | None = None
    missing: str = ""

    @property
    def ratio(self) -> float | None:
        """Value / baseline; None without either."""
        return self.value / self.baseline if self.baseline and self.value is not None else None

    @property
    def verdict(self) -> Verdict:
        """Which target is reached; empty without a target, unknown without a value."""
        if self.target is None:
            return ""
        if self.value is None:
            return "unknown"
        judged = self.ratio if self.target.of_ratio else self.value
        return "missed" if self.missing or judged is None else self.target.verdict(judged)

    def as_json(self) -> dict[str, Any]:
        """All fields, with ratio and verdict; what is not finite becomes null."""
        found = {**asdict(self), "ratio": self.ratio, "verdict": self.verdict}
        return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in found.items()}


def scale_table(title: str, workloads: Sequence[tuple[str, Sequence[Figure]]]) -> Table:
    """One row a figure, one section a workload."""
    table = Table(title=title)
    for column in ("figure", "value", "baseline of the same run", "ratio", "must", "aim", "reached"):
        table.add_column(column, justify="left" if column in ("figure", "must", "aim") else "right")
    for name, figures in workloads:
        table.add_section()
        table.add_row(f"[bold]{name}[/]")
        for figure in figures:
            table.add_row(*_cells(figure))
    return table


def missed(workloads: Sequence[tuple[str, Sequence[Figure]]]) -> list[str]:
    """Workload and name of each figure that was measured and misses its target."""
    return [f"{name}: {one.name.strip()}" for name, figures in workloads for one in figures if one.verdict == "missed"]


def _cells(figure: Figure) -> tuple[str, ...]:
    value = "" if figure.value is None else f"{_number(figure.value)} {figure.unit}"
    baseline = "" if figure.baseline is None else f"{_number(figure.baseline)} ({figure.baseline_name})"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.3g}"
    target = figure.target
    bounds = ("", "") if target is None else (target.shown(target.must), target.shown(target.aim))
    verdict = f"[{COLOURS[figure.verdict]}]{figure.verdict}[/]"
    return figure.name, "\n".join(filter(None, (value, figure.missing))), baseline, ratio, *bounds, verdict


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
