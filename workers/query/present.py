"""Last stage: what the client sees of each item, with the reasons that its score is made of."""

from models.explain import Evidences, explain
from models.ranking import Candidates, Ranking
from models.sources import COOCCURRENCE, TRANSITIONS
from models.sparse import SparseVector
from workers.index.port import Index
from workers.index.types import Record
from workers.item_points import CARD
from workers.query.question import Question
from workers.query.retrieve import Found
from workers.records.reply import RecommendationReason, RecommendedItem

_ROWS = (TRANSITIONS, COOCCURRENCE)


async def present(
    candidates: Candidates, ranking: Ranking, found: Found, question: Question, index: Index
) -> tuple[RecommendedItem, ...]:
    """Ranked items as the reply shows them; an item that was deleted meanwhile is left out."""
    item_ids = [candidates.item_ids[place] for place in ranking.places]
    explained = question.request.explain
    held = await index.get(item_ids, payload=CARD, vectors=_ROWS if explained else ())
    seeds = question.request.item_ids
    evidences = Evidences(found.queries, dict(question.recent), seed=seeds[0] if seeds else None)
    items: list[RecommendedItem] = []
    for place, item_id in zip(ranking.places, item_ids, strict=True):
        record = held.get(item_id)
        if record is None:
            continue
        reasons = _reasons(place, ranking, record, evidences) if explained else ()
        score = float(ranking.fused.scores[place])
        items.append(_item(item_id, score, len(items) + 1, reasons, record))
    return tuple(items)


def _reasons(place: int, ranking: Ranking, record: Record, evidences: Evidences) -> tuple[RecommendationReason, ...]:
    rows = {name: row for name, row in (record.vectors or {}).items() if isinstance(row, SparseVector)}
    return tuple(
        RecommendationReason(reason.kind, reason.contribution, reason.item_id)
        for reason in explain(place, ranking.fused, rows, evidences)
    )


def _item(
    item_id: str, score: float, rank: int, reasons: tuple[RecommendationReason, ...], record: Record
) -> RecommendedItem:
    card = record.payload or {}
    return RecommendedItem(
        item_id=item_id,
        score=score,
        rank=rank,
        reasons=reasons,
        title=card.get("title", ""),
        category=card.get("category"),
        image_url=card.get("image_url", ""),
        url=card.get("url", ""),
        price=card.get("price"),
    )
