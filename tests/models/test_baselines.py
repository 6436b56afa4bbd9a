"""Baselines do what they say."""

from typing import Any

from models.evaluation.baselines import Mixture, MostPopular

CATALOGUE = [{"item_id": name, "title": f"{name} story", "genres": genre} for name, genre in
             (("c1", "Crime"), ("c2", "Crime"), ("c3", "Crime"), ("d1", "Drama"), ("d2", "Drama"))]  # fmt: skip


def like(user_id: str, item_id: str) -> dict[str, Any]:
    return {"user_id": user_id, "item_id": item_id, "event_type": "like", "event_time": 0}


def test_most_popular_orders_by_events_and_leaves_out_what_was_had() -> None:
    popular = MostPopular()
    for user, item in (("u", "b"), ("v", "b"), ("w", "a"), ("w", "b"), ("x", "a"), ("x", "c")):
        popular.observe(like(user, item))
    assert popular.recommend("stranger", 10, 0) == ["b", "a", "c"]
    assert popular.recommend("u", 1, 0) == ["a"]


def test_mixture_follows_those_who_liked_the_same() -> None:
    mixture = Mixture()
    for user in range(4):
        for item in ("x", "y") if user % 2 else ("p", "q"):
            mixture.observe(like(f"u{user}", item))
    mixture.observe(like("new", "x"))
    assert mixture.recommend("new", 1, 0) == ["y"]


def test_mixture_follows_content_where_nothing_else_speaks() -> None:
    mixture = Mixture(CATALOGUE)
    for user, item in (("u", "c2"), ("v", "d1"), ("new", "c1")):
        mixture.observe(like(user, item))
    assert mixture.recommend("new", 1, 0) == ["c2"]


def test_mixture_gives_a_stranger_what_is_popular_and_no_untouched_item() -> None:
    mixture = Mixture(CATALOGUE)
    for user, item in (("u", "d1"), ("v", "d1"), ("v", "c1")):
        mixture.observe(like(user, item))
    assert mixture.recommend("stranger", 10, 0) == ["d1", "c1"]


def test_mixture_is_not_told_anything_by_a_dislike_but_that_the_item_was_had() -> None:
    mixture = Mixture(CATALOGUE)
    mixture.observe(like("u", "c1"))
    mixture.observe(like("v", "c1") | {"event_type": "dislike"})
    assert mixture.recommend("v", 10, 0) == []
    assert mixture.recommend("stranger", 10, 0) == ["c1"]
