"""Last stage: what the client sees of each item, with the reasons that its score is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.ranking.explain import Evidences, explain
from models.ranking.ranking import Ranking
from models.retrieval.retrieval import evidence_rows
from workers.items.items import Items
from workers.recommend.candidates import Gathered
from workers.recommend.context import QueryContext
from workers.records.reply import RecommendationReason, RecommendedItem

TITLE_CHARS = 200
"""Of a title in `titles`: reasons refer to a hundred items at most, so these stay far below what a record takes."""

Reasons = tuple[RecommendationReason, ...]


def assemble(gathered: Gathered, ranking: Ranking, context: QueryContext, items: Items) -> tuple[RecommendedItem, ...]:
    """Ranked items as the reply shows them."""
    explained = _explained(gathered, ranking, context, items) if context.request.explain else None
    first = 1 + len(context.page.returned)
    found: list[RecommendedItem] = []
    for at, position in enumerate(ranking.positions):
        item_id = gathered.candidates.item_ids[position]
        score = float(ranking.fused.scores[position])
        item = item_of(item_id, score, first + at, explained[at] if explained else (), items.entry(item_id))
        found.append(replace(item, propensity=ranking.propensities[at], shown_as=ranking.shown_as[at]))
    return tuple(found)


def titles_of_reasons(found: Sequence[RecommendedItem], items: Items) -> dict[str, str]:
    """Titles of the items that reasons refer to, by item id: a user's last ones, or those asked about; each once.

    An item without a title, or that the catalog does not have any more, is left out.
    """
    named = {reason.item_id for item in found for reason in item.reasons if reason.item_id is not None}
    titles = {item_id: items.entry(item_id).get("title", "") for item_id in sorted(named)}
    return {item_id: _short(title) for item_id, title in titles.items() if title}


def _short(title: str) -> str:
    return title if len(title) <= TITLE_CHARS else f"{title[: TITLE_CHARS - 1]}…"


def _explained(gathered: Gathered, ranking: Ranking, context: QueryContext, items: Items) -> list[Reasons]:
    """Reasons of each ranked item."""
    seeds, queries = context.request.item_ids, context.asked.history
    evidences = Evidences(queries, seed=seeds[0] if len(seeds) == 1 else None)
    rows = evidence_rows(items.table, gathered.slots[ranking.positions], queries)
    return [
        tuple(
            RecommendationReason(reason.kind, reason.contribution, reason.item_id, reason.rule)
            for reason in explain(position, ranking.fused, behind, evidences)
        )
        for position, behind in zip(ranking.positions, rows, strict=True)
    ]


def item_of(item_id: str, score: float, rank: int, reasons: Reasons, fields: Mapping[str, Any]) -> RecommendedItem:
    """What the client sees of an item, with what the catalog says of it (`fields`)."""
    return RecommendedItem(
        item_id=item_id,
        score=score,
        rank=rank,
        reasons=reasons,
        title=fields.get("title", ""),
        category=fields.get("category"),
        image_url=fields.get("image_url", ""),
        url=fields.get("url", ""),
        price=fields.get("price"),
    )
