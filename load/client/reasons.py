"""Reasons of an answer in plain words."""

from collections.abc import Mapping, Sequence
from typing import Any

WORDS = {
    "followed_by": "often next after",
    "bought_together": "bought together with",
    "similar_to": "similar to",
    "liked_by_similar_users": "liked by those who had",
    "matches_text": "matches the text",
    "popular_in_category": "popular in your categories",
    "trending": "popular now",
    "personal": "close to your taste",
    "new": "new",
}
MOST = 3
# Below one percent a reason explains nothing.
LEAST_SHARE = 0.01


def in_words(item: Mapping[str, Any], titles: Mapping[str, str], most: int = MOST) -> str:
    """The largest reasons of one recommended item, each with its share of the score; tiny ones are left out.

    >>> reasons = [{"kind": "followed_by", "item_id": "6", "contribution": 0.75},
    ...            {"kind": "trending", "item_id": None, "contribution": 0.25}]
    >>> in_words({"score": 1.0, "reasons": reasons}, {"6": "Heat"})
    "often next after 'Heat' 75 %, popular now 25 %"
    """
    shares = [(reason["contribution"] / item["score"], reason) for reason in item.get("reasons", ()) if item["score"]]
    telling = sorted((one for one in shares if one[0] >= LEAST_SHARE), key=lambda one: -one[0])
    return ", ".join(f"{_words(reason, titles)} {round(share * 100)} %" for share, reason in telling[:most])


def titles_of(items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Title with year by item id, of items as in the catalog.

    >>> titles_of([{"item_id": "6", "title": "Heat", "attributes": {"year": 1995}}, {"item_id": "7"}])
    {'6': 'Heat (1995)', '7': '7'}
    """
    return {item["item_id"]: _title(item) for item in items}


def _title(item: Mapping[str, Any]) -> str:
    title, year = str(item.get("title") or item["item_id"]), item.get("attributes", {}).get("year")
    return title if year is None else f"{title} ({year})"


def _words(reason: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    words = WORDS.get(reason["kind"], reason["kind"].replace("_", " "))
    item_id = reason.get("item_id")
    return f"{words} '{titles.get(item_id, f'item {item_id}')}'" if item_id else words
