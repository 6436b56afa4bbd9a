"""Where items would be, had the user's events on one item never happened: the same candidates scored again (no I/O)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.ranking.fusion import Floats, Fusion, boosted
from models.ranking.ranking import best_positions
from workers.recommend.candidates import Gathered, scores
from workers.recommend.context import Known, QueryContext
from workers.recommend.kinds import understood
from workers.recommend.question import Question
from workers.recommend.steering import boosts
from workers.records.reply import RecommendedItem, Without


@dataclass(frozen=True, slots=True)
class Counterfactuals:
    """Says of each item where it would be without its strongest reason that rests on the user's past."""

    known: Known
    fusion: Fusion

    def add(
        self, items: Sequence[RecommendedItem], gathered: Gathered, context: QueryContext
    ) -> tuple[RecommendedItem, ...]:
        """The items with their `without`; one whose reasons rest on nothing that the user did has none.

        Once scored again for each distinct reason.
        """
        past = frozenset(context.recent)
        because = {item.item_id: _strongest(item, past) for item in items}
        positions = {item_id: position for position, item_id in enumerate(gathered.candidates.item_ids)}
        distinct = sorted({gone for gone in because.values() if gone is not None})
        scored = {gone: self._scores_without(gone, gathered, context) for gone in distinct}
        ranks = {gone: _ranks(found, gathered, len(context.page.returned)) for gone, found in scored.items()}
        found: list[RecommendedItem] = []
        for item in items:
            gone, position = because[item.item_id], positions[item.item_id]
            without = None if gone is None else Without(gone, ranks[gone][position], float(scored[gone][position]))
            found.append(replace(item, without=without))
        return tuple(found)

    def _scores_without(self, gone: str, gathered: Gathered, context: QueryContext) -> Floats:
        """Scores of the same candidates for a user who never touched `gone`, float64 (n,)."""
        asked, table = self._context_without(gone, context), self.known.table
        fused = self.fusion.fuse(scores(asked, gathered, table), asked.situation)
        return boosted(fused, boosts(gathered.slots, asked, table)).scores

    def _context_without(self, gone: str, context: QueryContext) -> QueryContext:
        request, user = context.request, context.user
        left = tuple(item_id for item_id in request.item_ids if item_id != gone)
        request = request.model_copy(update={"next": None, "item_ids": left})
        if user is not None:
            user = user.without(gone, self.known.table.vector(gone))
        asked = understood(Question(request, "", user), context.controls, self.known)
        return replace(asked, page=context.page)


def _strongest(item: RecommendedItem, past: frozenset[str]) -> str | None:
    """The item of the user's past behind the largest contribution."""
    return next((reason.item_id for reason in item.reasons if reason.item_id in past), None)


def _ranks(scored: Floats, gathered: Gathered, returned: int) -> dict[int, int]:
    """Rank by score of each candidate, from 1, after those that earlier pages returned."""
    order = best_positions(scored, gathered.candidates.item_ids, len(scored))
    return {position: rank for rank, position in enumerate(order, start=1 + returned)}
