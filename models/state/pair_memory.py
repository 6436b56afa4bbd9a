"""Arrays of a `PairTable`: how they begin and how they grow."""

import numpy as np

from models.state import pair_kernels as kernels
from models.state.pair_kernels import EMPTY, LISTS, START, Array, Blocks, Pairs

_FIRST_ROWS = 1_024
_FIRST_ENTRIES = 1 << 16
_SIZE_CLASSES = 28


def no_pairs() -> Pairs:
    """Arrays without a pair."""
    return Pairs(
        rows=_no_blocks(_FIRST_ROWS, 4),
        ties=np.zeros(_FIRST_ROWS, dtype=np.uint32),
        row_blocks=_blocks(_FIRST_ENTRIES),
        names=np.full(4 * _FIRST_ROWS, EMPTY, dtype=np.uint32),
        numbers=np.zeros(4 * _FIRST_ROWS, dtype=np.int64),
        totals=np.zeros(4, dtype=np.int64),
        lists=_no_blocks(_FIRST_ROWS, 7),
        list_blocks=_blocks(_FIRST_ENTRIES),
    )


def with_rows(pairs: Pairs, count: int) -> Pairs:
    """The same with room for `count` rows: twice as many until they suffice."""
    old = size = len(pairs.rows)
    while size < count:
        size *= 2
    rows = _longer(pairs.rows, size)
    rows[old:, START] = -1
    return pairs._replace(rows=rows, ties=_longer(pairs.ties, size))


def with_room(pairs: Pairs, row: int, more: int) -> Pairs:
    """The same with room for `more` predecessors of a row in everything that may be too small."""
    in_row, in_lists = kernels.needs(pairs, row, more)
    count = int(pairs.totals[LISTS]) + more
    lists, names, numbers = pairs.lists, pairs.names, pairs.numbers
    if count > len(lists):
        lists = _longer(lists, max(count, 2 * len(lists)))
    if 2 * count > len(names):
        size = len(names)
        while 2 * count > size:
            size *= 2
        names, numbers = np.full(size, EMPTY, np.uint32), np.zeros(size, np.int64)
    wider = pairs._replace(
        row_blocks=_with_room(pairs.row_blocks, in_row),
        list_blocks=_with_room(pairs.list_blocks, in_lists),
        lists=lists,
        names=names,
        numbers=numbers,
    )
    if names is not pairs.names:
        kernels.rename(names, numbers, pairs.names, pairs.numbers)
    return wider


def _no_blocks(count: int, columns: int) -> Array:
    found = np.zeros((count, columns), dtype=np.int64)
    found[:, START] = -1
    return found


def _blocks(entries: int) -> Blocks:
    return Blocks(
        np.zeros((entries, 3), dtype=np.uint32), np.full(_SIZE_CLASSES, -1, np.int64), np.zeros(1, dtype=np.int64)
    )


def _with_room(blocks: Blocks, more: int) -> Blocks:
    """The same blocks with room for `more` entries: half as much again, which is memory only once it is written."""
    size = len(blocks.entries)
    while int(blocks.top[0]) + more > size:
        size += max(size // 2, more)
    return blocks if size == len(blocks.entries) else blocks._replace(entries=_longer(blocks.entries, size))


def _longer(array: Array, count: int) -> Array:
    """A copy of `count` entries, zeros at the end."""
    longer = np.zeros((count, *array.shape[1:]), dtype=array.dtype)
    longer[: len(array)] = array
    return longer
