"""Learned vectors of all items of a table, for what is evaluated with them (no I/O)."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.factorization.collaborative import item_vectors
from models.factorization.sparse_matrix import counts_matrix
from models.retrieval.item_table import ItemTable


def learned_vectors(table: ItemTable, dim: int) -> NDArray[np.float32]:
    """float32 (items, dim) by slot, learned from who liked what after what."""
    table.settle()
    slots = {int(index): slot for slot, index in enumerate(table.slots.indices)}
    return item_vectors(counts_matrix(_liked(table), slots, len(table)), dim)


def _liked(table: ItemTable) -> Iterator[tuple[int, dict[int, int]]]:
    """Of each slot how many who had another item liked this one, by that item's sparse index."""
    for slot in range(len(table)):
        row = table.pairs.followed.row(slot)
        counted = zip(row.keys.tolist(), row.liked.tolist(), strict=True)
        yield slot, {key: count for key, count in counted if count}
