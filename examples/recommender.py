"""The recommender without Kafka: python examples/recommender.py [MOVIELENS_FOLDER [USER]] (reads files).

Without a folder a catalog of eight films and a dozen likes; with one (ml-latest-small, ml-100k, …) all of its ratings.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from load.client.stream_eval import as_events
from load.datasets.dataset import load_dataset
from models.recommender import Recommender

MINUTE_MS = 60_000
LEARN_SHARE = 0.01  # each choice that the ranker learns from costs a ranking: more is better, and takes minutes
FILMS = {
    **dict.fromkeys(("Heat", "Ronin", "Collateral", "Thief"), "Crime"),
    **dict.fromkeys(("Alien", "Solaris", "Moon", "Gravity"), "Science fiction"),
}
LIKES = {
    "ada": ("Heat", "Ronin", "Collateral", "Thief"),
    "bob": ("Alien", "Solaris", "Moon", "Gravity"),
    "cleo": ("Heat", "Ronin", "Collateral"),
    "dan": ("Heat",),
}


def main(folder: str | None = None, user: str | None = None) -> None:
    """Learn all events, then print a list with reasons, and what is like one item."""
    items, events = tiny() if folder is None else movielens(Path(folder))
    titles = {item["item_id"]: item["title"] for item in items}
    recommender = Recommender(items, learn_share=LEARN_SHARE)
    now = 0
    for event in events:
        recommender.observe(event)  # one call an event: answers hold it from here on
        now = event["event_time"]
    user = user or ("dan" if folder is None else "42")
    last = show(recommender, user, now, titles)
    print(f"\nSimilar to {titles[last]}:")
    for found in recommender.similar(last, k=3):
        print(f"  {found.score:.3f}  {titles[found.item_id]}")


def show(recommender: Recommender, user: str, now: int, titles: Mapping[str, str]) -> str:
    """Print the user's list; returns the item that its first reason refers to, else the first item."""
    print(f"For {user}:")
    answer = recommender.answer(user, k=5, now=now, reasons=True)
    for found in answer:
        print(f"  {found.score:.3f}  {titles[found.item_id]}")
        for reason in found.reasons:  # contributions sum to the score
            because = f" {titles[reason.item_id]}" if reason.item_id else ""
            print(f"         {reason.contribution:+.3f} {reason.kind}{because}")
    named = [reason.item_id for found in answer for reason in found.reasons if reason.item_id]
    return named[0] if named else answer[0].item_id


def tiny() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two groups of films, and users who like one of them, an event a minute."""
    items = [{"item_id": title, "title": title, "genres": genre} for title, genre in FILMS.items()]
    events = [like(user, title) for user, liked in LIKES.items() for title in liked]
    return items, [{**event, "event_time": number * MINUTE_MS} for number, event in enumerate(events)]


def like(user: str, title: str) -> dict[str, Any]:
    """An event as clients publish it."""
    return {"user_id": user, "item_id": title, "event_type": "like"}


def movielens(folder: Path) -> tuple[list[dict[str, Any]], Iterable[dict[str, Any]]]:
    """Films and ratings of a MovieLens release, ratings in time order."""
    data = load_dataset(folder)
    items = [{**item, "genres": item["attributes"]["genres"]} for item in data.items]
    return items, as_events(data.ratings)


if __name__ == "__main__":
    main(*sys.argv[1:])
