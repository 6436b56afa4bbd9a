"""`for_user`: what comes next for a user, by all that they did; a stranger gets what is popular."""

from collections.abc import Sequence
from dataclasses import replace

from models.primitives.text import Vector
from models.ranking.fusion import Situation
from models.retrieval.popular_lists import Name
from models.retrieval.retrieval import Asked
from models.retrieval.sources import (
    COOCCURRENCE,
    COOCCURRENCE_ITEMS,
    REVERSED,
    TASTE,
    TRANSITIONS,
    HistoryQuery,
    category_affinity,
    cooccurrence_query,
    transition_query,
)
from models.retrieval.use_columns import USERS
from models.state.item_state import HALF_LIVES
from workers.items.points import EMBEDDING
from workers.recommend.context import Known, QueryContext, as_of, named
from workers.recommend.question import Question
from workers.recommend.search import Search

# Categories asked for by themselves: those a user likes best. Of a stranger nothing else is known.
CATEGORIES = 2
STRANGERS_CATEGORIES = 16

SHORTEST, LONGEST = HALF_LIVES[0], HALF_LIVES[-1]
POPULAR: tuple[Name, ...] = ((SHORTEST, None), (LONGEST, None))


def for_user(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """An unknown user has no past, which is no error."""
    user = context.user
    if user is None or user.last_time_ms is None:
        return stranger(context, known)
    gap_ms = max(0, context.request.asked_at_ms - user.last_time_ms)
    recent = [item_id for item_id, _ in user.history.recent(COOCCURRENCE_ITEMS)]
    situation = Situation("for_user", len(user.history), gap_ms)
    context = replace(context, situation=situation, as_of=as_of(user, question.partition))
    return with_past(context, recent, user.taste.direction(), known)


def stranger(context: QueryContext, known: Known) -> QueryContext:
    """What most users had, first in the categories that the user says to prefer."""
    preferred = context.user.profile.preferred_categories if context.user else ()
    lists = (*POPULAR, (USERS, None), *((LONGEST, name) for name in preferred[:STRANGERS_CATEGORIES]))
    asked = Asked(lists=lists, moment=known.moment, preferred=preferred, personal=True)
    return replace(context, asked=asked)


def with_past(context: QueryContext, recent: Sequence[str], taste: Vector | None, known: Known) -> QueryContext:
    """What comes after `recent`, newest first, what is liked with it, what is like `taste`, and what is popular."""
    table = known.table
    affinity = category_affinity([table.labels_of(item_id) for item_id in recent])
    best = sorted(affinity, key=lambda name: -affinity[name])[:CATEGORIES]
    history = past_queries(recent, known)
    turned = known.turned(taste) if recent else None
    asked = Asked(
        history={**history, REVERSED: history[TRANSITIONS]} if history else {},
        dense=named([(TASTE, turned)]),
        lists=(*POPULAR, *((LONGEST, name) for name in best)),
        moment=known.moment,
        affinity=affinity,
        prices=table.prices_of(table.slots.found(recent)),
        personal=True,
    )
    searches = () if turned is None else (Search(TASTE, EMBEDDING, turned),)
    return replace(context, recent=tuple(recent), asked=asked, searches=searches)


def past_queries(recent: Sequence[str], known: Known) -> dict[str, HistoryQuery]:
    """Queries over the items of a past, newest first; none without one."""
    if not recent:
        return {}
    users_of = known.table.users_of
    return {TRANSITIONS: transition_query(recent, users_of), COOCCURRENCE: cooccurrence_query(recent, users_of)}
