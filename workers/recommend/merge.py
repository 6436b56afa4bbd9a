"""Stages 3 and 4: one list of candidates out of all sources, with every source's raw score of each."""

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import sparse_indices
from models.primitives.titles import match, wanted
from models.ranking.ranking import Candidates
from models.retrieval.sources import (
    BOUGHT_TOGETHER,
    COLLABORATIVE,
    COOCCURRENCE,
    DAY,
    KEYWORDS,
    PREFERRED,
    PRICE,
    REVERSED,
    TASTE,
    TEXT,
    TITLE,
    TRANSITIONS,
    TRENDING,
    affinities,
    popularity_scores,
    price_closeness,
    reversed_scores,
    share,
)
from workers.items.rows import Facts
from workers.recommend.context import QueryContext
from workers.recommend.retrieve import Found

Floats = NDArray[np.float64]

# Cosine to a searched text below which likeness says nothing: vectors that clients supply know no hashed words, and
# theirs are ±0.2 by chance. Measured by the largest of them, chance would decide.
LEAST_TOLD = 0.25
_SEARCHED = (TRANSITIONS, COOCCURRENCE, BOUGHT_TOGETHER, KEYWORDS, COLLABORATIVE)


def merge(found: Found) -> list[str]:
    """Every candidate once, in the order of the sources."""
    return list(dict.fromkeys(hit.item_id for hits in found.hits.values() for hit in hits))


def score(
    facts: Mapping[str, Facts], vectors: NDArray[np.float32] | None, found: Found, context: QueryContext
) -> Candidates:
    """Raw scores of the items in `facts` by source, float64 (n,) each; `vectors` float32 (n, dim) in that order.

    Sources over rows know only what they returned: what lies below their cut counts as 0. Popularity,
    category, taste and likeness are exact for every candidate.
    """
    item_ids = list(facts)
    scores = {source: _returned(item_ids, found, source) for source in _SEARCHED if source in found.hits}
    if context.bought:
        by_seeds = reversed_scores(found.queries[BOUGHT_TOGETHER], context.bought, sparse_indices(item_ids))
        scores[BOUGHT_TOGETHER] = scores.get(BOUGHT_TOGETHER, 0.0) + by_seeds
    if REVERSED in found.queries:
        scores[REVERSED] = reversed_scores(found.queries[REVERSED], context.followed, sparse_indices(item_ids))
    if context.prices and context.situation.kind == "for_user":
        scores[PRICE] = price_closeness(np.array([fact.price for fact in facts.values()]), context.prices)
    if item_ids:
        scores |= _popularity(list(facts.values()), context)
    if vectors is not None:
        scores |= {source: (vectors @ query).astype(np.float64) for source, query in found.dense.items()}
    if context.request.kind == "search":
        scores |= _searched(list(facts.values()), scores, context)
    return Candidates(item_ids, scores, vectors)


def _searched(facts: Sequence[Facts], scores: Mapping[str, Floats], context: QueryContext) -> dict[str, Floats]:
    """How well titles match; likeness and taste where they say something, so that neither passes a better title."""
    asked = wanted(context.request.text)
    found = {TITLE: np.array([match(asked, fact.title) for fact in facts], dtype=np.float64)}
    if TEXT in scores:
        found[TEXT] = np.where(scores[TEXT] >= LEAST_TOLD, scores[TEXT], 0.0)
    if TASTE in scores:
        found[TASTE] = np.maximum(scores[TASTE], 0.0)
    return found


def _returned(item_ids: Sequence[str], found: Found, source: str) -> Floats:
    by_id = {hit.item_id: hit.score for hit in found.hits.get(source, ())}
    return np.array([by_id.get(item_id, 0.0) for item_id in item_ids], dtype=np.float64)


def _popularity(facts: Sequence[Facts], context: QueryContext) -> dict[str, Floats]:
    counts, labels, popularities, day_scores, *_ = zip(*facts, strict=True)
    order_scores = np.fromiter(chain.from_iterable(popularities), np.float64).reshape(len(facts), -1)
    liking = np.array(affinities(labels, context.affinity), dtype=np.float64)
    personal = context.situation.kind == "for_user"
    scores = popularity_scores(order_scores, liking, np.array(counts, dtype=np.float64) if personal else None)
    if context.request.by == "day":
        del scores[TRENDING]
        scores[DAY] = share(np.array(day_scores))
    if context.preferred:
        wanted = frozenset(context.preferred)
        scores[PREFERRED] = np.array([not wanted.isdisjoint(names) for names in labels], dtype=np.float64)
    return scores
