"""What bounded rows and disorder cost: counts of item rows against unbounded ones and against the log in time order.

`python -m load.evaluation.order_and_bounds --data DIR` folds a data set with the models alone (reads files, no Kafka).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
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
from models.state.count_row import BOUND, CountRow
from models.state.events import Event, event_weight
from models.state.evidence import Evidence
from models.state.item_state import NEAR_WINDOW, TRANSITION_UNIT, ItemState
from models.state.user_state import UserState

DISPLACEMENTS = (10, 100, 1_000)
TOP = 10
SEED = 20_261_121

Exact = dict[str, Counter[int]]
RowOf = Callable[[ItemState], CountRow]
Positions = NDArray[np.int64]


@dataclass(slots=True)
class Folded:
    """Rows of items as the worker keeps them, and the same counts without a bound."""

    items: dict[str, ItemState] = field(default_factory=lambda: defaultdict(ItemState))
    transitions: Exact = field(default_factory=lambda: defaultdict(Counter))
    cooccurrence: Exact = field(default_factory=lambda: defaultdict(Counter))

    def learn(self, evidence: Evidence) -> None:
        """Apply one evidence to both."""
        self.items[evidence.item_id].apply(evidence)
        predecessors = evidence.predecessors.tolist()
        near = self.transitions[evidence.item_id]
        for distance, index in enumerate(predecessors[:NEAR_WINDOW], start=1):
            near[index] += TRANSITION_UNIT // distance
        if evidence.weight > 0:
            self.cooccurrence[evidence.item_id].update(predecessors)


@dataclass(frozen=True, slots=True)
class RowLoss:
    """Of one kind of row: how many were cut, the share of all amounts still there, and of the true first ten."""

    rows: int
    cut: int
    amounts_kept: float
    top_kept: float
    worst_error: float


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


def row_loss(folded: Folded, exact: Exact, row_of: RowOf) -> RowLoss:
    """Compare bounded rows with unbounded ones."""
    cut = kept = amounts = tops = found = 0
    worst = 0.0
    for item_id, counts in exact.items():
        bounded = row_of(folded.items[item_id]).counts()
        cut += bounded != dict(counts)
        kept, amounts = kept + sum(bounded.values()), amounts + counts.total()
        for index, count in counts.most_common(TOP):
            tops, found = tops + 1, found + (index in bounded)
            worst = max(worst, 1.0 - bounded.get(index, 0) / count)
    return RowLoss(len(exact), cut, kept / amounts, found / tops, worst)


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
    """Measure both, and print two tables."""
    console = Console(width=120)
    dataset = find_data(data, console=console)
    ratings = dataset.ratings
    ordered = fold(ratings, np.arange(len(ratings)), "in time order", console)
    console.print(f"{dataset.name} ({dataset.origin}): {len(ratings):,} ratings, {len(ordered.items):,} items")
    console.print(_loss_table(ordered))
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


def _kinds(folded: Folded) -> Iterator[tuple[str, Exact, RowOf]]:
    yield "transitions", folded.transitions, lambda item: item.transitions
    yield "co-occurrence", folded.cooccurrence, lambda item: item.cooccurrence


def _loss_table(folded: Folded) -> Table:
    table = Table(title=f"Rows of at most {BOUND} neighbours against rows without a bound")
    for head in ("", "rows", "rows cut", "amounts kept", f"true first {TOP} kept", f"worst error in the first {TOP}"):
        table.add_column(head, justify="right" if head else "left")
    for name, exact, row_of in _kinds(folded):
        loss = row_loss(folded, exact, row_of)
        kept, top, worst = (f"{share:.2%}" for share in (loss.amounts_kept, loss.top_kept, loss.worst_error))
        table.add_row(name, f"{loss.rows:,}", f"{loss.cut:,}", kept, top, worst)
    return table


def _order_table(ratings: Ratings, ordered: Folded, console: Console) -> Table:
    table = Table(title="Evidence of a shuffled log against that of the log in time order (rows without a bound)")
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
