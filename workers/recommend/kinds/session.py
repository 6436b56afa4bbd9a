"""`session`: what comes next after what was just viewed: the items given, or the last sitting of a guest."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.primitives.text import Vector, unit
from models.ranking.fusion import Situation
from models.retrieval.item_table import ItemTable
from models.retrieval.sources import COOCCURRENCE_DECAY, COOCCURRENCE_ITEMS
from models.state.history import History
from workers.recommend.context import Known, QueryContext, as_of
from workers.recommend.kinds.for_user import stranger, with_past
from workers.recommend.question import Question

# Events of a guest no further apart belong to one session, as in most web statistics.
SESSION_GAP_MS = 30 * 60_000


def session(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """The list given is the whole past; without one it is what the guest did in the last sitting."""
    request, user = context.request, context.user
    if request.item_ids:
        recent = list(dict.fromkeys(reversed(request.item_ids)))[:COOCCURRENCE_ITEMS]
        situation = Situation("for_user", len(request.item_ids), 0)
        if user is not None and user.last_time_ms is not None:
            context = replace(context, as_of=as_of(user, question.partition))
    elif user is None or user.last_time_ms is None:
        return stranger(context, known)
    else:
        recent = last_sitting(user.history)
        gap_ms = max(0, request.asked_at_ms - user.last_time_ms)
        situation = Situation("for_user", len(recent), gap_ms)
        context = replace(context, as_of=as_of(user, question.partition))
    return with_past(
        replace(context, situation=situation), recent, middle(recent, known.table, COOCCURRENCE_DECAY), known
    )


def last_sitting(history: History) -> list[str]:
    """Distinct items of the last sitting, newest first, at most 20."""
    found: dict[str, None] = {}
    later_ms = history.times_ms[-1]
    for position in range(len(history) - 1, -1, -1):
        if later_ms - history.times_ms[position] > SESSION_GAP_MS or len(found) == COOCCURRENCE_ITEMS:
            break
        later_ms = history.times_ms[position]
        found.setdefault(history.item_ids[position])
    return list(found)


def middle(item_ids: Sequence[str], table: ItemTable, decay: float) -> Vector | None:
    """Σ decay^place · embedding over the items that have one, at length 1, float32 (dim,)."""
    parts = [
        vector * np.float32(decay**position)
        for position, item_id in enumerate(item_ids)
        if (vector := table.vector(item_id)) is not None
    ]
    return unit(np.sum(parts, axis=0, dtype=np.float32)) if parts else None
