"""How often "more like this" holds what the user liked next: counts, learned vectors, content and their mixtures.

`python -m load.evaluation.similar_items --data DIR`: all is learned from the first 80 % of the ratings. Each pair of
likes of one user that follow each other in the rest, both items known by then, is a question: what is like the first?
Items that the user had are left out; items with one and the same score share their places. Reads files, touches
nothing else.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from load.client.stream_eval import as_events, catalog_of, interval_95
from load.datasets.dataset import Dataset, find_data
from load.evaluation.vectors import learned_vectors
from models.ranking.fusion import FixedFusion, largest, similar_weights
from models.recommender import Recommender
from models.retrieval.asking import like_items
from models.retrieval.retrieval import scores
from models.retrieval.sources import COLLABORATIVE, CONTENT, COOCCURRENCE, TRANSITIONS

Floats = NDArray[np.float64]

LEARNED_SHARE, LIST, QUESTIONS, DIM = 0.8, 10, 2_500, 64

MIXTURES: Mapping[str, Mapping[str, float]] = {
    "content": {CONTENT: 1.0},
    "directed transitions": {TRANSITIONS: 1.0},
    "co-occurrence": {COOCCURRENCE: 1.0},
    "counts and content 70/30 (without vectors)": similar_weights(),
    "collaborative vectors": {COLLABORATIVE: 1.0},
    "collaborative and content 50/50": {COLLABORATIVE: 0.5, CONTENT: 0.5},
    "collaborative and content 70/30 (precomputed)": {COLLABORATIVE: 0.7, CONTENT: 0.3},
    "collaborative and content 90/10": {COLLABORATIVE: 0.9, CONTENT: 0.1},
    "vectors, counts and content 35/35/30 (served)": similar_weights(learned=True),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is like `seed`, for a user who had `had`; the next like was `wanted`."""

    seed: str
    wanted: str
    had: frozenset[str]


class Learned(Recommender):
    """The offline recommender after the first part of the log, asked for the raw scores of all items."""

    def finish(self) -> None:
        """Learn the vectors."""
        self._matrix = learned_vectors(self._table, DIM)
        self._known = np.zeros(len(self._table), dtype=np.bool_)
        self._known[self._table.slots.found(self._items)] = True

    def knows(self, item_id: str) -> bool:
        """Whether it had an event."""
        return item_id in self._items

    def ranks(self, asked: Asked) -> dict[str, float]:
        """Place of the wanted item in each mixture's list, from 1."""
        table = self._table
        [seed, wanted] = table.slots.found([asked.seed, asked.wanted])
        sources = like_items(table, [asked.seed], self._vector(asked.seed), self._clock)
        raw = scores(table, sources, np.arange(len(table)))
        raw[COLLABORATIVE] = np.maximum(self._matrix @ self._matrix[seed], 0.0).astype(np.float64)
        raw[CONTENT] = np.maximum(raw.get(CONTENT, np.zeros(len(table))), 0.0)
        out = ~self._known
        out[table.slots.found([*asked.had, asked.seed])] = True
        return {name: _rank(_mixed(raw, weights), int(wanted), out) for name, weights in MIXTURES.items()}


def questions(dataset: Dataset, learned: Learned, start: int) -> list[Asked]:
    """All pairs of likes that follow each other from position `start` on."""
    had: dict[str, set[str]] = {}
    last: dict[str, str] = {}
    found = []
    for position, event in enumerate(as_events(dataset.ratings)):
        user, item = event["user_id"], event["item_id"]
        liked = event["value"] >= 4
        if position >= start and liked and user in last and learned.knows(item) and learned.knows(last[user]):
            found.append(Asked(last[user], item, frozenset(had[user])))
        had.setdefault(user, set()).add(item)
        if liked:
            last[user] = item
    return found


def _mixed(raw: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """Each source relative to its largest score, as the worker's fusion does it."""
    total = np.zeros(len(raw[CONTENT]))
    for source, weight in weights.items():
        total += weight / largest(raw[source]) * raw[source]
    return total


def _rank(scores: Floats, wanted: int, out: NDArray[np.bool_]) -> float:
    others = scores[~out]
    return float((others > scores[wanted]).sum() + (np.count_nonzero(others == scores[wanted]) + 1) / 2)


def main(data: Path | None = None, seed: int = 7) -> None:
    """Print the table."""
    console = Console() if sys.stdout.isatty() else Console(width=130)
    dataset = find_data(data, console=console)
    start = int(len(dataset.ratings) * LEARNED_SHARE)
    learned = Learned(catalog_of(dataset), fusion=FixedFusion())
    for event in track(list(as_events(dataset.ratings[:start])), "learning", console=console):
        learned.observe(event)
    learned.finish()
    pairs = questions(dataset, learned, start)
    chosen = np.random.default_rng(seed).choice(len(pairs), min(QUESTIONS, len(pairs)), replace=False)
    ranks = [learned.ranks(pairs[position]) for position in track(chosen.tolist(), "asking", console=console)]
    table = Table("similar items by", f"hit rate @{LIST}", "95 %", title=f"{dataset.name}, {len(ranks):,} questions")
    for name in MIXTURES:
        hits = sum(found[name] <= LIST for found in ranks)
        low, high = interval_95(hits, len(ranks))
        table.add_row(name, f"{hits / len(ranks):.3f}", f"{low:.3f} – {high:.3f}")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
