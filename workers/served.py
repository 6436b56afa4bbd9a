"""The line of `recommendations-served`: what was shown, to join clicks to answers later."""

import orjson

from workers.records.reply import Reply


def served_line(reply: Reply, asked_at_ms: int) -> bytes:
    """JSON of one answer: ids, ranks and scores; every item was shown for sure, so its propensity is 1."""
    return orjson.dumps(
        {
            "recommendation_id": reply.recommendation_id,
            "kind": reply.kind,
            "variant": reply.variant,
            "scenario": reply.scenario,
            "served_at": asked_at_ms,
            "items": [
                {"item_id": item.item_id, "rank": item.rank, "score": item.score, "propensity": 1.0}
                for item in reply.items
            ],
        }
    )
