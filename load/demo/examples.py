"""Two questions whose answers a person can judge: for one user, and for one well-known item (touches Kafka)."""

from typing import Any

import numpy as np

from load.client.client import RequestClient
from load.datasets.errors import LoadError
from load.datasets.ratings import Ratings
from load.demo.figures import RECENT, Example
from models.evaluation.evaluation import LIKED_FROM

MORE_LIKE_THIS = 5
MINUTE_MS = 60_000


async def ask_examples(client: RequestClient, ratings: Ratings, list_size: int) -> Example:
    """Ask for a user who liked what they rated last, a minute later, and for the item with most ratings."""
    history = _fond_history(ratings)
    user_id = str(history.user[-1])
    items, counts = np.unique(ratings.item, return_counts=True)
    item_id = str(items[np.argmax(counts)])
    later = int(history.time_ms[-1]) + MINUTE_MS
    for_user = {"kind": "for_user", "user_id": user_id, "limit": list_size, "explain": True, "event_time": later}
    similar = {"kind": "similar_items", "item_ids": [item_id], "limit": MORE_LIKE_THIS, "explain": True}
    return Example(
        user_id=user_id,
        history=history,
        for_user=await _answer(client, for_user),
        item_id=item_id,
        similar=await _answer(client, similar),
    )


def _fond_history(ratings: Ratings) -> Ratings:
    """All ratings of the last user whose recent ones are high: there is a taste to see; else of the last user."""
    users, latest = np.unique(ratings.user[::-1], return_index=True)
    last_users = users[np.argsort(latest)]
    histories = (ratings[np.flatnonzero(ratings.user == user)] for user in last_users)
    fond = (one for one in histories if len(one) >= RECENT and one.value[-RECENT:].min() >= LIKED_FROM)
    return next(fond, ratings[np.flatnonzero(ratings.user == last_users[0])])


async def _answer(client: RequestClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.ask(body)
    if "error" in answer:
        raise LoadError(f"the worker answered {body} with an error: {answer['error']}")
    return answer
