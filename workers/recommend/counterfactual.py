"""Where items would be, had the user's events on one item never happened: the whole computation again, no estimate.

The same candidates are scored with what each source said of them: what a source had cut off stays unknown to it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.ranking.fusion import Floats, Fusion, boosted
from models.ranking.ranking import best_positions
from models.retrieval.sources import COOCCURRENCE, TRANSITIONS
from workers.index.filters import OnlyIds
from workers.indexing.vocabulary import Vocabulary
from workers.recommend.candidates import Gathered, Sources
from workers.recommend.context import QueryContext, build_context
from workers.recommend.dense import dense_queries
from workers.recommend.merge import score
from workers.recommend.plan import Plan, plan
from workers.recommend.retrieve import Found, retrieve
from workers.recommend.steering import steering
from workers.records.reply import RecommendedItem, Without

log = logging.getLogger(__name__)

_OF_HISTORY = (TRANSITIONS, COOCCURRENCE)
"""Sources that are asked of the index with the user's history, and so must be asked again without some of it."""


@dataclass(frozen=True, slots=True)
class Counterfactuals:
    """Says of each item where it would be without its strongest reason that rests on the user's past."""

    sources: Sources
    vocabulary: Vocabulary
    fusion: Fusion

    async def add(
        self, items: Sequence[RecommendedItem], gathered: Gathered, context: QueryContext
    ) -> tuple[RecommendedItem, ...]:
        """The items with their `without`; one whose reasons rest on nothing that the user did has none.

        Raises `DependencyError` if the index does not answer. One batch of searches for each distinct reason.
        """
        past = frozenset(context.recent_ids)
        because = {item.item_id: _strongest(item, past) for item in items}
        positions = {item_id: position for position, item_id in enumerate(gathered.facts)}
        found: list[RecommendedItem] = []
        distinct = sorted({gone for gone in because.values() if gone is not None})
        scored = {gone: await self._scores_without(gone, gathered, context) for gone in distinct}
        ranks = {gone: _ranks(scores, gathered, len(context.page.returned)) for gone, scores in scored.items()}
        for item in items:
            gone, position = because[item.item_id], positions[item.item_id]
            without = None if gone is None else Without(gone, ranks[gone][position], float(scored[gone][position]))
            found.append(replace(item, without=without))
        return tuple(found)

    async def _scores_without(self, gone: str, gathered: Gathered, context: QueryContext) -> Floats:
        """Scores of the same candidates for a user who never touched `gone`, float64 (n,)."""
        asked = await self._context_without(gone, context)
        dense = await dense_queries(asked, self.sources.vectors, self.vocabulary.rarity)
        planned = plan(asked, dense, self.vocabulary.words)
        found = await self._found_without(planned, gathered)
        vectors = gathered.candidates.vectors
        if vectors is None and dense:
            vectors = await self.sources.vectors.matrix(list(gathered.facts))
        fused = self.fusion.fuse(score(gathered.facts, vectors, found, asked).scores, asked.situation)
        return boosted(fused, steering(gathered, asked).boosts).scores

    async def _context_without(self, gone: str, context: QueryContext) -> QueryContext:
        request, user = context.request, context.user
        left = tuple(item_id for item_id in request.item_ids if item_id != gone)
        request = request.model_copy(update={"next": None, "item_ids": left})
        if user is not None:
            vectors = await self.sources.vectors.of([gone])
            user = user.without(gone, vectors.get(gone))
        asked = await build_context(request, user, 0, self.sources.facts, "", context.controls)
        return replace(asked, page=context.page)

    async def _found_without(self, planned: Plan, gathered: Gathered) -> Found:
        known = gathered.found.hits
        rows = {**planned.searches, **planned.second}
        again = Plan({source: rows[source] for source in _OF_HISTORY if source in rows and source in known})
        only = OnlyIds(frozenset(gathered.facts))
        found = await retrieve(again, (only,), self.sources.index, len(only.item_ids))
        returned = {source: {hit.item_id for hit in known[source]} for source in found.hits}
        hits = {source: hits for source, hits in known.items() if source not in _OF_HISTORY}
        for source, all_hits in found.hits.items():
            hits[source] = [hit for hit in all_hits if hit.item_id in returned[source]]
        return Found(hits, planned.queries, planned.dense)


def _strongest(item: RecommendedItem, past: frozenset[str]) -> str | None:
    """The item of the user's past behind the largest contribution."""
    return next((reason.item_id for reason in item.reasons if reason.item_id in past), None)


def _ranks(scores: Floats, gathered: Gathered, returned: int) -> dict[int, int]:
    """Rank by score of each candidate, from 1, after those that earlier pages returned."""
    order = best_positions(scores, list(gathered.facts), len(scores))
    return {position: rank for rank, position in enumerate(order, start=1 + returned)}
