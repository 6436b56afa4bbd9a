"""Why an item is in the list: its score taken apart into reasons that sum to it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.primitives.sparse import SparseVector
from models.ranking.fusion import Fused
from models.retrieval.sources import (
    BOUGHT_TOGETHER,
    CATEGORY,
    COLLABORATIVE,
    CONTENT,
    COOCCURRENCE,
    CURRENT,
    DAY,
    KEYWORDS,
    MATCH,
    NEW,
    POPULARITY,
    PREFERRED,
    PRICE,
    REACH,
    REVERSED,
    TASTE,
    TEXT,
    TITLE,
    TRANSITIONS,
    TRENDING,
    HistoryQuery,
)

_KINDS = {
    TRANSITIONS: "followed_by",
    COOCCURRENCE: "liked_by_similar_users",
    BOUGHT_TOGETHER: "bought_together",
    KEYWORDS: "matches_text",
    TEXT: "matches_text",
    TITLE: "matches_text",
    REVERSED: "similar_to",
    TRENDING: "trending",
    CURRENT: "trending",
    POPULARITY: "trending",
    REACH: "trending",
    DAY: "trending",
    NEW: "new",
    CATEGORY: "popular_in_category",
    PREFERRED: "popular_in_category",
    MATCH: "personal",
    PRICE: "personal",
    TASTE: "personal",
    CONTENT: "similar_to",
    COLLABORATIVE: "liked_by_similar_users",
}


BOOSTED = "boosted"
"""Kind of what a rule added."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of a score: kind of evidence, the item of the history behind it (if one), share of the score.

    `rule` names the boost that it is.
    """

    kind: str
    item_id: str | None
    contribution: float
    rule: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evidences:
    """What stands behind a request's scores: queries by source; `seed` is the item asked about, if it is one."""

    queries: Mapping[str, HistoryQuery]
    seed: str | None = None


def explain(position: int, fused: Fused, rows: Mapping[str, SparseVector], evidences: Evidences) -> list[Reason]:
    """Reasons of the candidate at `position` of `fused`, largest first; their contributions sum to its score.

    `rows`: the candidate's own rows by source. With them a source's share is split over the items of the
    history; taking one such item out of the query and fusing again with the same units (`fuse_with`) lowers
    the score by its contribution, whatever fusion gave the units. Without its
    row a source is one reason without an item.
    """
    parts: dict[tuple[str, str | None], float] = {}
    for source, contributions in fused.contributions.items():
        share = float(contributions[position])
        if share == 0.0:
            continue
        for item_id, part in _split(source, share, rows.get(source), evidences):
            key = (_KINDS[source], item_id)
            parts[key] = parts.get(key, 0.0) + part
    found = [Reason(kind, item_id, part) for (kind, item_id), part in parts.items() if part != 0.0]
    found += [
        Reason(BOOSTED, None, float(added[position]), rule) for rule, added in fused.boosts.items() if added[position]
    ]
    return sorted(found, key=lambda reason: (-reason.contribution, reason.kind, reason.item_id or reason.rule or ""))


def _split(source: str, share: float, row: SparseVector | None, evidences: Evidences) -> list[tuple[str | None, float]]:
    query = evidences.queries.get(source)
    if query is None or row is None:
        return [(evidences.seed if source in (CONTENT, COLLABORATIVE) else None, share)]
    products = _products(query, row)
    total = sum(products.values())
    if total <= 0.0:
        return [(None, share)]
    return [(item_id, share * product / total) for item_id, product in products.items()]


def _products(query: HistoryQuery, row: SparseVector) -> dict[str, float]:
    """What each item of the history adds to a raw score, those that add nothing left out."""
    asked = query.vector
    if row.indices is asked.indices:  # a row made for this query: nothing to look up
        products = asked.values.astype(np.float64) * row.values
        at = np.flatnonzero(products)
        named = zip(asked.indices[at].tolist(), products[at].tolist(), strict=True)
        return {query.item_ids[index]: product for index, product in named}
    amounts = dict(zip(row.indices.tolist(), row.values.tolist(), strict=True))
    pairs = zip(asked.indices.tolist(), asked.values.tolist(), strict=True)
    return {query.item_ids[index]: value * amounts[index] for index, value in pairs if amounts.get(index)}
