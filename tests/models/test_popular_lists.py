"""Lists of popular items are kept for a moment, and answer as if they were not."""

import numpy as np
from numpy.typing import NDArray

from models.retrieval.popular_lists import LENGTH, LISTS_BOUND, LITTLE_KNOWN_LISTS, Name, PopularLists, due

ITEMS = 3 * LENGTH
ALL: Name = (1_000, None)


class Shop:
    """Items 0…599, the first the most popular; counts how often lists are made."""

    def __init__(self) -> None:
        self.made = 0
        self.scores = np.arange(ITEMS, 0, -1).astype(np.float64)
        self.keys = np.arange(ITEMS, dtype=np.uint64)
        self.lists = PopularLists(self.scores_of, lambda: self.keys)

    def scores_of(self, name: Name) -> NDArray[np.float64]:
        self.made += 1
        return self.scores

    def first(self, width: int, *, but: int = 0, moment: int = 0, name: Name = ALL) -> list[int]:
        allowed = np.ones(ITEMS, dtype=np.bool_)
        allowed[:but] = False
        return self.lists.first(name, width, allowed, moment).tolist()


def test_the_first_that_are_allowed_are_found_best_first() -> None:
    shop = Shop()
    assert (shop.first(3), shop.first(3, but=2)) == ([0, 1, 2], [2, 3, 4])


def test_a_list_is_made_once_a_moment() -> None:
    shop = Shop()
    for but in range(3):
        shop.first(10, but=but)
    assert shop.made == 1
    shop.scores = shop.scores[::-1].copy()
    assert shop.first(1) == [0]
    assert (shop.first(1, moment=1), shop.made) == ([ITEMS - 1], 2)


def test_who_may_see_too_few_of_the_list_is_answered_from_all_items() -> None:
    assert Shop().first(10, but=LENGTH + 50) == list(range(LENGTH + 50, LENGTH + 60))


def test_what_nobody_liked_is_in_no_list() -> None:
    shop = Shop()
    shop.scores = np.where(np.arange(ITEMS) < 5, 1.0, 0.0)
    assert shop.first(10) == [0, 1, 2, 3, 4]


def test_no_more_lists_are_kept_than_the_bound_and_the_first_made_go_first() -> None:
    shop = Shop()
    for n in range(LISTS_BOUND + 1):
        shop.first(1, name=(1_000, f"category {n}"))
    made = shop.made
    shop.first(1, name=(1_000, f"category {LISTS_BOUND}"))
    assert shop.made == made
    shop.first(1, name=(1_000, "category 0"))
    assert shop.made == made + 1


def test_every_little_known_item_is_due_at_one_of_the_turns() -> None:
    keys = np.random.default_rng(7).integers(0, 2**63, 800).astype(np.uint64)
    everything = np.ones(800, dtype=np.bool_)
    turns = [set(due(keys, everything, turn, 50).tolist()) for turn in range(LITTLE_KNOWN_LISTS)]
    assert all(len(turn) == 50 for turn in turns)
    for number in range(LITTLE_KNOWN_LISTS):
        own = set(np.flatnonzero(keys % LITTLE_KNOWN_LISTS == number).tolist())
        turn = turns[LITTLE_KNOWN_LISTS - 1 - number]
        assert own <= turn or turn < own


def test_little_known_items_that_are_few_are_all_due() -> None:
    keys, few = np.arange(10, dtype=np.uint64), np.arange(10) < 3
    assert due(keys, few, 5, 50).tolist() == [0, 1, 2]
