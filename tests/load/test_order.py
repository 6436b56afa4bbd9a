"""What disorder costs, on logs whose right answer is known."""

import numpy as np
from rich.console import Console

from load.datasets.ratings import Ratings
from load.evaluation.order import disagreement, displaced, fold

SILENT = Console(quiet=True)


def one_user(items: list[int]) -> Ratings:
    """Each item rated once, a second apart."""
    size = len(items)
    return Ratings(np.ones(size, np.int64), np.array(items), np.full(size, 4.0, np.float32), np.arange(size) * 1_000)


def test_a_log_in_its_own_order_agrees_and_a_reversed_one_tells_nothing() -> None:
    ratings = one_user(list(range(9)))
    ordered = fold(ratings, np.arange(9), "", SILENT)
    assert disagreement(ordered.transitions, fold(ratings, np.arange(9), "", SILENT).transitions) == 0.0
    assert disagreement(ordered.transitions, fold(ratings, np.arange(9)[::-1].copy(), "", SILENT).transitions) == 1.0


def test_no_event_is_displaced_by_more_than_asked_for() -> None:
    order = displaced(1_000, 10)
    assert 0 < np.abs(order - np.arange(1_000)).max() <= 10
