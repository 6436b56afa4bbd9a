"""`session`: what comes next after what was just viewed: the items given, or the last sitting of a guest."""

from dataclasses import replace

from models.ranking.fusion import Situation
from models.retrieval.asking import middle
from models.retrieval.sources import COOCCURRENCE_DECAY, COOCCURRENCE_ITEMS
from models.state.history import History
from workers.recommend.context import Known, QueryContext, as_of
from workers.recommend.kinds.for_user import stranger, with_past
from workers.recommend.question import Question

# Events of a guest no further apart belong to one session, as in most web statistics.
SESSION_GAP_MS = 30 * 60_000


def session(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """The list given is the whole past; without one it is what the guest did in the last sitting."""
    given, user = context.request.item_ids, context.user
    last_time_ms = None if user is None else user.last_time_ms
    if user is not None and last_time_ms is not None:
        context = replace(context, as_of=as_of(user, question.partition))
    if given:
        recent = list(dict.fromkeys(reversed(given)))[:COOCCURRENCE_ITEMS]
        situation = Situation("for_user", len(given), 0)
    elif user is None or last_time_ms is None:
        return stranger(context, known)
    else:
        recent = last_sitting(user.history)
        situation = Situation("for_user", len(recent), max(0, context.request.asked_at_ms - last_time_ms))
    taste = middle(known.table, recent, COOCCURRENCE_DECAY)
    return with_past(replace(context, situation=situation), recent, taste, known)


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
