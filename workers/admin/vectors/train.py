"""Learns item vectors from what the changelog, or a file of ratings, says of items (no I/O of its own)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.factorization.collaborative import item_vectors
from models.factorization.sparse_matrix import SparseMatrix, counts_matrix
from models.primitives.ids import sparse_index
from workers.admin.state.counts_row import CountsRow
from workers.errors import ConfigurationError
from workers.stream.table import Table

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Items and how often one was liked after another: `matrix` (items, items) in the order of `item_ids`."""

    item_ids: list[str]
    matrix: SparseMatrix
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Items and their vectors, float32 (items, dim); zeros where nothing is known of one."""

    item_ids: list[str]
    vectors: Matrix
    source: str


def counts_of_rows(counts: Table[CountsRow], items: Table[Any]) -> Counts:
    """What the stream has counted of all items that have a row in one of the tables; 12 bytes an entry meanwhile."""
    partitions = (*counts.partitions.values(), *items.partitions.values())
    item_ids = sorted({key for rows in partitions for key in rows.keys()})  # noqa: SIM118 - not a dict
    slots = {sparse_index(item_id): position for position, item_id in enumerate(item_ids)}
    matrix = counts_matrix(_counted(counts, slots), slots, len(item_ids))
    return Counts(item_ids, matrix, "the stream's counts")


def train(counts: Counts, dim: int, seed: int, on_row: Callable[[], None] = lambda: None) -> Trained:
    """Vectors of all items; raises `ConfigurationError` if no two items were ever liked together."""
    if not counts.matrix.values.any():
        raise ConfigurationError(f"{counts.source}: no two items were liked by one user: there is nothing to learn yet")
    return Trained(counts.item_ids, item_vectors(counts.matrix, dim, seed, on_row), counts.source)


def with_all(trained: Trained, item_ids: Iterable[str]) -> Trained:
    """The same with further items that have no vector: their slot is emptied of another version's."""
    known = set(trained.item_ids)
    more = sorted(set(item_ids) - known)
    empty = np.zeros((len(more), trained.vectors.shape[1]), dtype=np.float32)
    return Trained(trained.item_ids + more, np.concatenate([trained.vectors, empty]), trained.source)


def _counted(counts: Table[CountsRow], slots: Mapping[int, int]) -> Iterator[tuple[int, Mapping[int, int]]]:
    for rows in counts.partitions.values():
        for item_id in rows.keys():  # noqa: SIM118 - not a dict
            row = rows.peek(item_id)
            if row is not None:
                yield slots[sparse_index(item_id)], row.cooccurrence()
