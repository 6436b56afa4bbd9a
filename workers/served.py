"""The line of `recommendations-served`: what was shown, to join clicks to answers later."""

import orjson

from workers.records.reply import Reply


def served_line(reply: Reply, asked_at_ms: int) -> bytes:
    """JSON of one answer: ids, ranks and scores, and how likely each item was to be shown, and why it was."""
    return orjson.dumps(
        {
            "recommendation_id": reply.recommendation_id,
            "kind": reply.kind,
            "variant": reply.variant,
            "scenario": reply.scenario,
            "served_at": asked_at_ms,
            "items": [
                {
                    "item_id": item.item_id,
                    "rank": item.rank,
                    "score": item.score,
                    "propensity": item.propensity,
                    "shown_as": item.shown_as,
                }
                for item in reply.items
            ],
        }
    )
