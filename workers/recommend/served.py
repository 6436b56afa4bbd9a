"""The line of `recommendations-served`: what was shown, to join clicks to answers later."""

import orjson

from workers.records.reply import Reply
from workers.records.request import Request


def served_line(reply: Reply, request: Request) -> bytes:
    """JSON of one answer: its user, when, ids, ranks, scores, how likely each item was to be shown, and why it was."""
    return orjson.dumps(
        {
            "recommendation_id": reply.recommendation_id,
            "kind": reply.kind,
            "variant": reply.variant,
            "scenario": reply.scenario,
            "user_id": request.subject or None,
            "served_at": request.asked_at_ms,
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


def served_key(request: Request, given: bytes | None = None) -> bytes | None:
    """Key of the line: who asked, so that it lies beside the user's events; else the request's own."""
    return request.subject.encode() or given
