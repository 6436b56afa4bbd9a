"""Chances are what they say: over many draws with fixed seeds, each item is shown as often as its propensity."""

from collections import Counter
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ranking.exploration import explore

DRAWS = 20_000
RANKED = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("pool", [range(100, 130), range(100, 103)], ids=["larger than the list", "smaller"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_items_are_shown_as_often_as_their_propensity_says(pool: range, share: float) -> None:
    shown, said = Counter[int](), dict[int, float]()
    for seed in range(DRAWS):
        found = explore(RANKED, pool, share, seed)
        shown.update(found.positions)
        said |= dict(zip(found.positions, found.propensities, strict=True))
    for item in [*RANKED, *pool]:
        chance = said.get(item, 0.0)
        error = sqrt(chance * (1.0 - chance) / DRAWS)
        assert shown[item] / DRAWS == pytest.approx(chance, abs=4.5 * error + 1e-9)


def test_weighting_by_propensity_counts_each_item_once_on_average() -> None:
    """The Horvitz-Thompson estimate of how many of ten items are good is right though some are rarely shown."""
    good, total = {0, 3, 9, 101, 102}, 0.0
    for seed in range(DRAWS):
        found = explore(RANKED, range(100, 110), 0.3, seed)
        total += sum(
            1.0 / chance for item, chance in zip(found.positions, found.propensities, strict=True) if item in good
        )
    assert total / DRAWS == pytest.approx(len(good), rel=0.02)


def test_the_share_of_places_that_explore_is_the_one_asked_for() -> None:
    drawn = sum(len(explore(RANKED, range(100, 130), 0.2, seed).drawn) for seed in range(DRAWS))
    assert drawn / (DRAWS * len(RANKED)) == pytest.approx(0.2, abs=0.005)


@given(st.integers(0, 20), st.integers(0, 20), st.floats(0, 1), st.integers(0, 2**64))
def test_the_list_keeps_its_length_its_order_and_no_item_comes_twice(
    ranked: int, pool: int, share: float, seed: int
) -> None:
    found = explore(range(ranked), range(100, 100 + pool), share, seed)
    assert len(found.positions) == len(set(found.positions)) == ranked
    kept = [position for position in found.positions if position < 100]
    assert kept == list(range(len(kept)))
    assert all(0.0 < chance <= 1.0 for chance in found.propensities)


def test_equal_seeds_draw_alike_and_nothing_is_drawn_without_a_share() -> None:
    assert explore(RANKED, range(100, 130), 0.5, 7) == explore(RANKED, range(100, 130), 0.5, 7)
    assert explore(RANKED, range(100, 130), 0.0, 7).propensities == [1.0] * len(RANKED)
