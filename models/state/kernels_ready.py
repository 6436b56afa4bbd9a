"""Compiles the kernels, or loads them from numba's cache, before the first of them is needed."""

import numpy as np

from models.state.pair_table import PairTable


def make_ready() -> None:
    """Call each once, on a table of nothing else: about 7 s the first time on a machine, then a tenth of that."""
    table, keys = PairTable(), np.array([1, 2], dtype=np.uint32)
    table.learn([0, 0], [keys, keys], [True, False], [0, 1])
    table.take_back(0, keys, True)
    table.relist()
    table.put(1, table.row(0))
    table.successors(keys, np.ones((2, 2)))
    table.counts(np.array([0]), keys)
    table.drop(0)
