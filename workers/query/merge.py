"""Stages 3 and 4: one list of candidates out of all sources, with every source's raw score of each."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.ranking import Candidates
from models.sources import CONTENT, COOCCURRENCE, TASTE, TRANSITIONS, affinity_to, popularity_scores
from workers.facts import Facts
from workers.query.question import Question
from workers.query.retrieve import Found

Floats = NDArray[np.float64]


def merge(found: Found) -> list[str]:
    """Every candidate once, in the order of the sources."""
    return list(dict.fromkeys(hit.item_id for hits in found.hits.values() for hit in hits))


def score(
    facts: Mapping[str, Facts], vectors: NDArray[np.float32] | None, found: Found, question: Question
) -> Candidates:
    """Raw scores of the items in `facts` by source, float64 (n,) each; `vectors` float32 (n, dim) in that order.

    Sources over rows know only what they returned: what lies below their cut counts as 0. Popularity,
    category and taste are exact for every candidate.
    """
    item_ids = list(facts)
    scores = {source: _returned(item_ids, found, source) for source in (TRANSITIONS, COOCCURRENCE)}
    scores = {source: raw for source, raw in scores.items() if source in found.hits}
    if item_ids:
        scores |= _popularity(list(facts.values()), question)
    if vectors is not None and found.text is not None:
        source = CONTENT if question.situation.kind == "similar_items" else TASTE
        scores[source] = (vectors @ found.text).astype(np.float64)
    return Candidates(item_ids, scores, vectors)


def _returned(item_ids: Sequence[str], found: Found, source: str) -> Floats:
    by_id = {hit.item_id: hit.score for hit in found.hits.get(source, ())}
    return np.array([by_id.get(item_id, 0.0) for item_id in item_ids], dtype=np.float64)


def _popularity(facts: Sequence[Facts], question: Question) -> dict[str, Floats]:
    order_scores = np.array([fact.order_scores for fact in facts], dtype=np.float64)
    liking = np.array([affinity_to(fact.labels, question.affinity) for fact in facts], dtype=np.float64)
    return popularity_scores(order_scores, liking)
