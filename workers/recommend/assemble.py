"""Last stage: what the client sees of each item, with the reasons that its score is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.primitives.sparse import SparseVector
from models.ranking.explain import Evidences, explain
from models.ranking.ranking import Candidates, Ranking
from models.retrieval.sources import BOUGHT_TOGETHER, COOCCURRENCE, REVERSED, TRANSITIONS, both_ways_row, reversed_row
from workers.index.port import Index
from workers.index.types import Record
from workers.items.facts import ItemFacts
from workers.items.points import BOUGHT
from workers.recommend.context import QueryContext
from workers.recommend.retrieve import Found
from workers.records.reply import RecommendationReason, RecommendedItem

_SPACES = {TRANSITIONS: TRANSITIONS, COOCCURRENCE: COOCCURRENCE, BOUGHT_TOGETHER: BOUGHT}
"""Rows that explain a source, by source."""

TITLE_CHARS = 200
"""Of a title in `titles`: reasons refer to a hundred items at most, so these stay far below what a record takes."""


async def assemble(
    candidates: Candidates, ranking: Ranking, found: Found, context: QueryContext, index: Index, facts: ItemFacts
) -> tuple[RecommendedItem, ...]:
    """Ranked items as the reply shows them; an item that was deleted meanwhile is left out."""
    item_ids = [candidates.item_ids[position] for position in ranking.positions]
    display_fields = await facts.display_fields(item_ids)
    explained = context.request.explain
    held = await index.get(item_ids, payload=False, vectors=tuple(_SPACES.values())) if explained else {}
    seeds = context.request.item_ids
    evidences = Evidences(found.queries, seed=seeds[0] if len(seeds) == 1 else None)
    rank = len(context.page.returned)
    items: list[RecommendedItem] = []
    for at, (position, item_id) in enumerate(zip(ranking.positions, item_ids, strict=True)):
        fields = display_fields.get(item_id)
        if fields is None:
            continue
        reasons = (
            _reasons(position, ranking, _rows(item_id, held.get(item_id), context), evidences) if explained else ()
        )
        rank += 1
        items.append(_item(item_id, rank, at, ranking, reasons, fields))
    return tuple(items)


async def titles_of_reasons(items: Sequence[RecommendedItem], facts: ItemFacts) -> dict[str, str]:
    """Titles of the items that reasons refer to, by item id: a user's last ones, or those asked about; each once.

    An item without a title, or that the catalog does not have any more, is left out.
    """
    named = {reason.item_id for item in items for reason in item.reasons if reason.item_id is not None}
    known = await facts.of(sorted(named))
    return {item_id: _short(fact.title) for item_id, fact in known.items() if fact.title}


def _short(title: str) -> str:
    return title if len(title) <= TITLE_CHARS else f"{title[: TITLE_CHARS - 1]}…"


def _rows(item_id: str, record: Record | None, context: QueryContext) -> dict[str, SparseVector]:
    vectors = {} if record is None else record.vectors or {}
    found = {source: vectors.get(space) for source, space in _SPACES.items()}
    rows = {source: row for source, row in found.items() if isinstance(row, SparseVector)}
    if context.followed:
        rows[REVERSED] = reversed_row(item_id, context.followed)
    if context.bought:
        rows[BOUGHT_TOGETHER] = both_ways_row(item_id, rows.get(BOUGHT_TOGETHER, SparseVector.of({})), context.bought)
    return rows


def _reasons(
    position: int, ranking: Ranking, rows: Mapping[str, SparseVector], evidences: Evidences
) -> tuple[RecommendationReason, ...]:
    return tuple(
        RecommendationReason(reason.kind, reason.contribution, reason.item_id, reason.rule)
        for reason in explain(position, ranking.fused, rows, evidences)
    )


def _item(
    item_id: str,
    rank: int,
    at: int,
    ranking: Ranking,
    reasons: tuple[RecommendationReason, ...],
    fields: Mapping[str, Any],
) -> RecommendedItem:
    score = float(ranking.fused.scores[ranking.positions[at]])
    item = item_of(item_id, score, rank, reasons, fields)
    return replace(item, propensity=ranking.propensities[at], shown_as=ranking.shown_as[at])


def item_of(
    item_id: str, score: float, rank: int, reasons: tuple[RecommendationReason, ...], fields: Mapping[str, Any]
) -> RecommendedItem:
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
