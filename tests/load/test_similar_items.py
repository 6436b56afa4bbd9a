"""What the table of similar items and the ablation measure, on users of two halves that share nothing."""

from typing import Any

import numpy as np
import pytest

from load.evaluation import ablations
from load.evaluation.ablations import ItemVectorsAlone, WithItemVectors, WithSimilarUsers, WithWholeHistory
from load.evaluation.similar_items import MIXTURES, Asked, Learned, _rank
from models.ranking.fusion import FixedFusion

ITEMS = [{"item_id": f"{half}{n}", "title": f"T {n}", "genres": []} for half in "xy" for n in range(6)]


def events() -> list[dict[str, Any]]:
    """Each user likes four of the six items of a half, one after the other."""
    found = []
    for user in range(12):
        half = "xy"[user % 2]
        for n in range(4):
            item = f"{half}{(user // 2 + n) % 6}"
            time = 10_000 * len(found)
            found.append({"user_id": f"u{user}", "item_id": item, "event_type": "like", "event_time": time})
    return found


def test_a_neighbour_of_the_same_half_is_above_all_of_the_other() -> None:
    learned = Learned(ITEMS, fusion=FixedFusion())
    for event in events():
        learned.observe(event)
    learned.finish()
    ranks = learned.ranks(Asked("x0", "x1", frozenset({"x2"})))
    assert ranks.keys() == MIXTURES.keys()
    assert ranks["collaborative vectors"] <= 4
    assert learned.ranks(Asked("x0", "y1", frozenset({"x2"})))["collaborative vectors"] > 4


@pytest.mark.parametrize(("wanted", "rank"), [(0, 1.0), (1, 2.5), (2, 2.5), (3, 4.0)])
def test_items_of_one_score_share_their_places(wanted: int, rank: float) -> None:
    out = np.zeros(5, dtype=np.bool_)
    out[4] = True
    assert _rank(np.array([3.0, 2.0, 2.0, 1.0, 9.0]), wanted, out) == rank


@pytest.mark.parametrize("recommender", [WithItemVectors, ItemVectorsAlone, WithSimilarUsers, WithWholeHistory])
def test_the_tried_source_stays_in_the_users_half(monkeypatch: pytest.MonkeyPatch, recommender: type) -> None:
    monkeypatch.setattr(ablations, "RETRAINED_EVERY", 12)
    monkeypatch.setattr(ablations, "COOCCURRENCE_ITEMS", 1)
    tried = recommender(ITEMS)
    for event in events():
        tried.observe(event)
    for user in range(4):
        found = tried.recommend(f"u{user}", 2, 10**9)
        assert len(found) == 2 and {item_id[0] for item_id in found} == {"xy"[user % 2]}
