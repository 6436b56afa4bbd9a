"""Measured figures, each beside the floor of the same run and its target, as a table and as JSON (no I/O)."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: a value in `unit`, what the bare machinery reached in the same run, and what is wanted.

    `at_least` and `at_most` bound the value; `at_most_floors` bounds value / floor. None: shown, not judged.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    floor_name: str = ""
    at_least: float | None = None
    at_most: float | None = None
    at_most_floors: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value / floor."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool | None:
        """Whether every target is reached; None without one.

        >>> Figure("p99", 6.0, "ms", floor=2.5, at_most_floors=3.0).met
        True
        """
        verdicts = []
        if self.at_least is not None:
            verdicts.append(self.value >= self.at_least)
        if self.at_most is not None:
            verdicts.append(self.value <= self.at_most)
        if self.at_most_floors is not None:
            verdicts.append(self.ratio is not None and self.ratio <= self.at_most_floors)
        return all(verdicts) if verdicts else None

    def as_json(self) -> dict[str, Any]:
        """All fields, with ratio and verdict; what is not finite becomes null."""
        found = {**asdict(self), "ratio": self.ratio, "met": self.met}
        return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in found.items()}


def speed_table(title: str, figures: Sequence[Figure]) -> Table:
    """One row a figure."""
    table = Table(title=title)
    for column in ("figure", "value", "floor of the same run", "ratio", "target", "met"):
        table.add_column(column, justify="left" if column in ("figure", "target") else "right")
    for figure in figures:
        floor = "" if figure.floor is None else f"{_number(figure.floor)} ({figure.floor_name})"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.3g}"
        verdict = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[figure.met]
        table.add_row(figure.name, f"{_number(figure.value)} {figure.unit}", floor, ratio, _target(figure), verdict)
    return table


def _target(figure: Figure) -> str:
    targets = []
    if figure.at_least is not None:
        targets.append(f"≥ {figure.at_least:,g}")
    if figure.at_most is not None:
        targets.append(f"≤ {figure.at_most:,g}")
    if figure.at_most_floors is not None:
        targets.append(f"≤ {figure.at_most_floors:g} × floor")
    return ", ".join(targets)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
