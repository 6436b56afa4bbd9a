"""The offline recommender on worlds whose right answer is known."""

import math
from typing import Any

import pytest

from models.recommender import Recommender
from tests.models.builders import DAY_MS

CATALOGUE = [
    {"item_id": f"{genre}-{number}", "title": f"{genre} {number}", "genres": genre}
    for genre in ("crime", "comedy")
    for number in range(8)
]


def like(user_id: str, item_id: str, time_ms: int, **fields: Any) -> dict[str, Any]:
    return {"user_id": user_id, "item_id": item_id, "event_type": "like", "event_time": time_ms, **fields}


def two_clusters() -> Recommender:
    """Ten users like crime, one item a minute, in order; ten like comedy."""
    recommender = Recommender(CATALOGUE)
    for user in range(20):
        genre = "crime" if user % 2 else "comedy"
        for step in range(8):
            recommender.observe(like(f"u{user}", f"{genre}-{step}", user * DAY_MS + step * 60_000))
    return recommender


def test_lover_of_one_cluster_gets_it_first() -> None:
    recommender = two_clusters()
    now = 30 * DAY_MS
    for step in range(3):
        recommender.observe(like("new", f"crime-{step}", now + step * 60_000))
    assert recommender.recommend("new", 5, now + 180_000) == [f"crime-{step}" for step in range(3, 8)]


def test_next_of_a_sequence_comes_first() -> None:
    recommender = two_clusters()
    recommender.observe(like("new", "comedy-4", 30 * DAY_MS))
    assert recommender.recommend("new", 1, 30 * DAY_MS + 1) == ["comedy-5"]


def test_what_trends_is_worth_more_to_a_user_who_returns_after_days() -> None:
    recommender = two_clusters()
    now = 30 * DAY_MS
    recommender.observe(like("new", "comedy-4", now))
    for user in range(30):
        recommender.observe(like(f"fan{user}", "crime-6", now))

    def worth(asked_at: int) -> float:
        return {found.item_id: found.score for found in recommender.answer("new", 20, asked_at)}["crime-6"]

    assert worth(now + 9 * DAY_MS) > 2 * worth(now + 60_000)


def test_what_the_user_had_never_comes_back() -> None:
    recommender = two_clusters()
    found = recommender.recommend("u1", 100, 21 * DAY_MS)
    assert len(found) == 8
    assert not any(item_id.startswith("crime") for item_id in found)


def test_user_without_history_gets_what_is_popular() -> None:
    recommender = two_clusters()
    for user in range(5):
        recommender.observe(like(f"fan{user}", "crime-6", 21 * DAY_MS))
    assert recommender.recommend("stranger", 1, 22 * DAY_MS) == ["crime-6"]


def test_disliked_items_are_not_popular() -> None:
    recommender = Recommender(CATALOGUE)
    for user in range(5):
        recommender.observe(like(f"u{user}", "crime-1", user, event_type="rating", value=1.0))
    recommender.observe(like("v", "comedy-1", 9, event_type="rating", value=5.0))
    assert recommender.recommend("stranger", 1, 10) == ["comedy-1"]


def test_item_that_the_catalog_does_not_know_can_be_recommended() -> None:
    recommender = Recommender(CATALOGUE)
    for user in range(3):
        recommender.observe(like(f"u{user}", "smuggled", user))
    assert recommender.recommend("stranger", 1, 10) == ["smuggled"]


def test_taste_finds_an_untouched_item() -> None:
    recommender = Recommender([*CATALOGUE, {"item_id": "new-crime", "title": "crime 9", "genres": "crime"}])
    for step in range(8):
        recommender.observe(like("u", f"crime-{step}", step))
    assert recommender.recommend("u", 1, 10) == ["new-crime"]


def test_item_described_late_still_shapes_the_taste_of_who_liked_it() -> None:
    recommender = Recommender(CATALOGUE[1:])
    recommender.observe(like("u", "crime-0", 1))
    recommender.describe(CATALOGUE[0])
    recommender.observe({"user_id": "u", "item_id": "gone", "event_type": "impression", "event_time": 2})
    assert recommender.recommend("u", 1, 3)[0].startswith("crime")


def test_late_event_takes_its_place_in_the_sequence() -> None:
    recommender = two_clusters()
    now = 30 * DAY_MS
    recommender.observe(like("new", "crime-4", now))
    recommender.observe(like("new", "comedy-1", now - 60_000))
    assert recommender.recommend("new", 1, now + 1) == ["crime-5"]


def test_repeated_event_id_teaches_nothing() -> None:
    recommender = Recommender(CATALOGUE)
    recommender.observe(like("u", "crime-1", 1, event_id="e1"))
    recommender.observe(like("u", "crime-2", 2, event_id="e1"))
    assert "crime-2" in recommender.recommend("u", 100, 3)


def test_asking_changes_nothing() -> None:
    recommender = two_clusters()
    first = recommender.answer("u1", 10, 21 * DAY_MS, reasons=True)
    assert recommender.answer("u1", 10, 21 * DAY_MS, reasons=True) == first


@pytest.mark.parametrize(
    "fields",
    [
        {"value": None, "event_type": "rating"},
        {"value": "many", "event_type": "rating"},
        {"value": math.nan, "event_type": "rating"},
        {"event_type": "teleport"},
        {"event_type": None},
        {"event_time": None},
    ],
)
def test_odd_event_is_taken_for_what_it_still_says(fields: dict[str, Any]) -> None:
    recommender = Recommender(CATALOGUE)
    recommender.observe(like("u", "crime-1", 1) | fields)
    assert "crime-1" not in recommender.recommend("u", 100, 2)


def test_empty_recommender_recommends_nothing() -> None:
    assert Recommender().recommend("u", 10, 0) == []


def test_reasons_sum_to_the_score_and_name_the_item_before() -> None:
    recommender = two_clusters()
    recommender.observe(like("new", "comedy-4", 30 * DAY_MS))
    best = recommender.answer("new", 1, 30 * DAY_MS + 1, reasons=True)[0]
    assert sum(reason.contribution for reason in best.reasons) == pytest.approx(best.score)
    assert (best.reasons[0].kind, best.reasons[0].item_id) == ("followed_by", "comedy-4")


def test_similar_items_come_from_the_same_cluster_without_the_item_itself() -> None:
    found = [one.item_id for one in two_clusters().similar("crime-3", 4)]
    assert "crime-3" not in found
    assert all(item_id.startswith("crime") for item_id in found)


def test_similar_to_an_unknown_item_is_what_is_popular() -> None:
    recommender = two_clusters()
    assert len(recommender.similar("never-heard-of", 3)) == 3


def test_trending_list_follows_the_last_events() -> None:
    recommender = Recommender(CATALOGUE)
    for user in range(3_000):
        recommender.observe(like(f"u{user}", "comedy-1" if user < 2_900 else "crime-1", user))
    for user in range(3_000, 3_900):
        recommender.observe(like(f"u{user}", "crime-1", user))
    assert recommender.trending(1)[0].item_id == "crime-1"


def test_diversity_mixes_the_clusters() -> None:
    recommender = Recommender(CATALOGUE, diversity=0.9)
    for step in range(3):
        recommender.observe(like("u", f"crime-{step}", step))
        recommender.observe(like("v", f"comedy-{step}", step))
    genres = {item_id.partition("-")[0] for item_id in recommender.recommend("u", 3, 10)}
    assert genres == {"crime", "comedy"}
