"""The line of `recommendations-served`: what was shown, to join clicks to answers later."""

import orjson

from workers.records.reply import Reply
from workers.records.request import Request


def served_line(reply: Reply, request: Request) -> bytes:
    """JSON of one answer: to whom, when, ids, ranks and scores; every item was shown for sure: propensity 1."""
    return orjson.dumps(
        {
            "recommendation_id": reply.recommendation_id,
            "kind": reply.kind,
            "variant": reply.variant,
            "scenario": reply.scenario,
            "user_id": request.subject or None,
            "served_at": request.asked_at_ms,
            "items": [
                {"item_id": item.item_id, "rank": item.rank, "score": item.score, "propensity": 1.0}
                for item in reply.items
            ],
        }
    )


def served_key(request: Request, given: bytes | None = None) -> bytes | None:
    """Key of the line: who asked, so that it lies beside the user's events; else the request's own."""
    return request.subject.encode() or given
