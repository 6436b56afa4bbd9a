"""What a deployment wants of a list: boosts, caps, pins and exploring, each as exact as it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ranking.caps import Caps, caps_of
from models.ranking.explain import BOOSTED, Evidences, explain
from models.ranking.fusion import LOGITS, FixedFusion, Fusion, Situation, boosted
from models.ranking.ranker import OnlineRanker
from models.ranking.ranking import EXPLORED, PINNED, RANKED, Candidates, Ranking, Steering, rank
from models.retrieval.sources import POPULARITY, TRANSITIONS

HERE = Situation(history_length=5, gap_ms=1_000)
COUNT = 12
IDS = [f"i{position:02}" for position in range(COUNT)]
SCORES = {TRANSITIONS: np.linspace(1.0, 0.1, COUNT), POPULARITY: np.linspace(0.1, 1.0, COUNT)}
VECTORS = np.eye(COUNT, dtype=np.float32)


def taught() -> OnlineRanker:
    ranker = OnlineRanker()
    for _ in range(20):
        ranker.learn(SCORES, HERE, chosen=2)
    return ranker


def ranked(limit: int = 5, diversity: float = 0.0, fusion: Fusion | None = None, **steering: object) -> Ranking:
    steered = Steering(**steering)  # type: ignore[arg-type]
    return rank(Candidates(IDS, SCORES, VECTORS), fusion or FixedFusion(), HERE, limit, diversity, steered)


@pytest.mark.parametrize("fusion", [FixedFusion(), taught()], ids=["fixed", "learned"])
def test_contributions_sum_to_the_score_with_boosts_and_each_is_worth_what_it_says(fusion: Fusion) -> None:
    boosts = {"sale": np.where(np.arange(COUNT) % 2, 0.7, 0.0), "old": np.full(COUNT, -0.2)}
    with_boosts, without = ranked(fusion=fusion, boosts=boosts).fused, ranked(fusion=fusion).fused
    for position in range(COUNT):
        reasons = explain(position, with_boosts, {}, Evidences({}))
        assert sum(reason.contribution for reason in reasons) == pytest.approx(with_boosts.scores[position], abs=1e-12)
        added = {reason.rule: reason.contribution for reason in reasons if reason.kind == BOOSTED}
        assert with_boosts.scores[position] - without.scores[position] == pytest.approx(sum(added.values()), abs=1e-12)
        assert set(added) == ({"sale", "old"} if position % 2 else {"old"})


def test_a_factor_multiplies_the_odds_alike_under_fixed_and_learned_weights() -> None:
    twice = {"sale": np.full(COUNT, np.log(2.0))}
    for fusion, logits in ((FixedFusion(), LOGITS), (taught(), 1.0)):
        plain = fusion.fuse(SCORES, HERE)
        gained = boosted(plain, twice).scores - plain.scores
        assert np.exp(gained * logits) == pytest.approx(2.0)


@pytest.mark.parametrize("diversity", [0.0, 0.4])
@given(st.lists(st.integers(0, 3), min_size=COUNT, max_size=COUNT), st.integers(1, 4), st.integers(1, COUNT))
def test_no_list_holds_more_of_a_group_than_its_cap(diversity: float, groups: list[int], most: int, limit: int) -> None:
    caps = Caps(np.array(groups), np.full(4, most))
    positions = ranked(limit, diversity, caps=caps, pins={0: [COUNT - 1]}).positions
    held = np.bincount([groups[position] for position in positions], minlength=4)
    assert held.max() <= most
    possible = int(np.minimum(np.bincount(groups, minlength=4), most).sum())
    assert len(positions) == min(limit, possible)


def test_what_a_cap_leaves_out_gives_way_to_the_next_best() -> None:
    caps = caps_of(["film"] * 6 + ["song"] * 6, {"film": 2}, None)
    assert ranked(4, caps=caps).positions == [0, 1, 6, 7]


def test_items_without_a_category_have_no_cap() -> None:
    assert ranked(4, caps=caps_of([None] * COUNT, {}, 1)).positions == [0, 1, 2, 3]


def test_a_pinned_item_stands_at_its_place_and_nowhere_else() -> None:
    found = ranked(4, pins={1: [9], 3: [0]})
    assert found.positions == [1, 9, 2, 0]
    assert found.shown_as == [RANKED, PINNED, RANKED, PINNED]


def test_of_several_that_may_stand_at_a_place_the_best_does() -> None:
    assert ranked(3, pins={1: [10, 4, 7]}).positions == [0, 4, 1]


def test_pins_beyond_the_end_of_the_list_change_nothing_and_those_of_a_short_list_end_it() -> None:
    assert ranked(3, pins={3: [9]}).positions == [0, 1, 2]
    assert ranked(COUNT + 5, pins={COUNT + 2: [0]}).positions == [*range(1, COUNT), 0]


def test_an_item_is_pinned_once() -> None:
    assert ranked(3, pins={0: [5], 1: [5]}).positions == [5, 0, 1]


def test_exploring_shows_little_known_items_and_keeps_pins_and_caps() -> None:
    caps = Caps(np.array([0] * 6 + [1] * 6), np.array([9, 1]))
    for seed in range(50):
        found = ranked(4, caps=caps, pins={0: [3]}, explored=0.5, little_known=range(6, 12), seed=seed)
        assert found.positions[0] == 3 and found.propensities[0] == 1.0
        assert {found.shown_as[at] for at, position in enumerate(found.positions) if position > 5} <= {EXPLORED}
        assert sum(position > 5 for position in found.positions) <= 1


def test_every_little_known_item_gets_its_turn_and_what_is_listed_anyway_is_not_drawn() -> None:
    shown = {p for seed in range(400) for p in ranked(4, explored=0.3, little_known=[0, 8, 9, 10], seed=seed).positions}
    assert shown == {0, 1, 2, 3, 8, 9, 10}
    alone = ranked(4, explored=1.0, little_known=[0], seed=1)
    assert (alone.positions, alone.shown_as, alone.propensities) == ([0, 1, 2, 3], [RANKED] * 4, [1.0] * 4)
