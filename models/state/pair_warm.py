"""Compiles what pair tables run, before anything waits for it: 5 to 10 s of CPU, or 0.3 s from numba's cache."""

import numpy as np

from models.primitives.packing import Reader, head
from models.state import pair_kernels as kernels
from models.state.pair_memory import no_pairs
from models.state.pair_table import PairTable


def warm() -> None:
    """Call every kernel once, on a table of its own."""
    keys = np.arange(1, 4, dtype=np.uint32)
    table = PairTable()
    table.name(2, 7)
    table.learn([0, 1], [keys, keys], [True, False], bounds=1)
    table.take_back(0, keys, True)
    table.load(2, Reader(head(b"-", 0) + table.pack(1), b"-", 0))
    table.cut(2, 1)
    table.drop(2)
    table.relist()
    table.successors(keys, np.ones((3, 2)))
    table.counts(np.arange(3), keys)
    pairs = no_pairs()
    kernels.needs(pairs, 0, 1)
    kernels.relist(pairs)
    kernels.rename(pairs, pairs.names, pairs.numbers)
