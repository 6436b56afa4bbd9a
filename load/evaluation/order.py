"""What disorder costs: counts of items' pairs against those of the log in time order.

`python -m load.evaluation.order --data DIR` folds a data set with the models alone (reads files, no Kafka).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from load.datasets.dataset import find_data
from load.datasets.ratings import Ratings
from models.state.events import Event, event_weight
from models.state.evidence import Evidence
from models.state.item_state import NEAR_WINDOW, TRANSITION_UNIT
from models.state.user_state import UserState

DISPLACEMENTS = (10, 100, 1_000)
SEED = 20_261_121

Exact = dict[str, Counter[int]]
Positions = NDArray[np.int64]


@dataclass(slots=True)
class Folded:
    """Counts of pairs by the item that came second, as the worker keeps them."""

    transitions: Exact = field(default_factory=lambda: defaultdict(Counter))
    cooccurrence: Exact = field(default_factory=lambda: defaultdict(Counter))

    def learn(self, evidence: Evidence) -> None:
        """Count one evidence."""
        predecessors = evidence.predecessors.tolist()
        near = self.transitions[evidence.item_id]
        for distance, index in enumerate(predecessors[:NEAR_WINDOW], start=1):
            near[index] += TRANSITION_UNIT // distance
        if evidence.weight > 0:
            self.cooccurrence[evidence.item_id].update(predecessors)


def fold(ratings: Ratings, order: Positions, label: str, console: Console) -> Folded:
    """Fold ratings in this order of arrival; each keeps its own time."""
    users: dict[int, UserState] = defaultdict(UserState)
    folded = Folded()
    for offset, position in enumerate(track(order.tolist(), label, console=console, transient=True)):
        user_id = int(ratings.user[position])
        evidence = users[user_id].fold(_event(ratings, position, offset))
        if evidence is not None:
            folded.learn(evidence)
    return folded


def disagreement(ordered: Exact, moved: Exact) -> float:
    """Share of all amounts that are elsewhere: half the sum of differences over the sum."""
    apart = sum(
        abs(ordered[item][index] - moved[item][index])
        for item in ordered.keys() | moved.keys()
        for index in ordered[item].keys() | moved[item].keys()
    )
    return apart / (_total(ordered) + _total(moved))


def displaced(size: int, displacement: int, seed: int = SEED) -> Positions:
    """An order of arrival in which no event is more than `displacement` places from its own, int64 (size,)."""
    positions = np.arange(size) + np.random.default_rng(seed).uniform(0, displacement, size)
    return np.argsort(positions, kind="stable").astype(np.int64)


def main(
    data: Annotated[Path | None, typer.Option(help="MovieLens folder; without one as in `tastestream demo`")] = None,
) -> None:
    """Measure, and print the table."""
    console = Console(width=120)
    dataset = find_data(data, console=console)
    ratings = dataset.ratings
    ordered = fold(ratings, np.arange(len(ratings)), "in time order", console)
    console.print(f"{dataset.name} ({dataset.origin}): {len(ratings):,} ratings")
    console.print(_order_table(ratings, ordered, console))


def _event(ratings: Ratings, position: int, offset: int) -> Event:
    value = float(ratings.value[position])
    return Event(
        user_id=str(ratings.user[position]),
        item_id=str(ratings.item[position]),
        kind="rating",
        weight=event_weight("rating", value),
        value=value,
        time_ms=int(ratings.time_ms[position]),
        origin=(0, offset),
        clock=offset,
    )


def _total(counts: Mapping[str, Counter[int]]) -> int:
    return sum(row.total() for row in counts.values())


def _order_table(ratings: Ratings, ordered: Folded, console: Console) -> Table:
    table = Table(title="Evidence of a shuffled log against that of the log in time order")
    for head in ("displaced by up to", "transitions elsewhere", "co-occurrence elsewhere", "transitions counted"):
        table.add_column(head, justify="right")
    for displacement in DISPLACEMENTS:
        moved = fold(ratings, displaced(len(ratings), displacement), f"displaced by {displacement}", console)
        table.add_row(
            f"{displacement:,} records",
            f"{disagreement(ordered.transitions, moved.transitions):.1%}",
            f"{disagreement(ordered.cooccurrence, moved.cooccurrence):.1%}",
            f"{_total(moved.transitions) / _total(ordered.transitions):.1%}",
        )
    return table


if __name__ == "__main__":
    typer.run(main)
