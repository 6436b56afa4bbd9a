"""Stage 5: what may not be shown, said to the index where it can be, checked on what comes back."""

from collections import Counter
from collections.abc import Iterable

from models.primitives.ids import item_key
from workers.index.filters import All, Condition, Equals, ExcludeIds, Not
from workers.index.validate import MAX_ID_BYTES, MAX_IDS
from workers.recommend.conditions import wanted
from workers.recommend.context import QueryContext

# Events whose items the index is asked to leave out: those that transitions bring back most. Older ones are
# removed from what comes back; naming them all would cost 3 µs each in every search.
RECENTLY_SEEN = 64

SEEN = "seen"
EXCLUDED = "excluded"
RETURNED = "shown"


def conditions(context: QueryContext) -> tuple[Condition, ...]:
    """What the index can leave out by itself: unavailable, filtered, blocked, named, and recently seen items.

    Raises `BadRecordError` for a filter that refers to what the user's profile does not hold.
    """
    found = list(required(context))
    left_out = barred(context)
    if context.user is not None and context.hides_seen:
        left_out |= set(context.user.history.item_ids[-RECENTLY_SEEN:])
    possible = sorted(filter(_can_exist, left_out))[:MAX_IDS]
    if possible:
        found.append(ExcludeIds(frozenset(possible)))
    return tuple(found)


def required(context: QueryContext) -> tuple[Condition, ...]:
    """What every item must satisfy, however it came into the list."""
    asked, ruled = context.request.filters, context.controls.filters
    found: list[Condition] = []
    if context.only_available:
        found.append(Equals("available", 1))
    for filters in (asked, ruled):
        found += wanted(filters, context.profile, context.request.asked_at_ms)
    for block in context.controls.blocks:
        blocked = wanted(block.where, context.profile, context.request.asked_at_ms) if block.where else ()
        if blocked:
            found.append(Not(All(blocked)))
    return tuple(found)


def keep(item_ids: Iterable[str], context: QueryContext) -> tuple[list[str], Counter[str]]:
    """Items that may be shown, in the order given, and how many were removed for which reason."""
    named, returned = barred(context), frozenset(context.page.returned)
    seen = set(context.user.seen_keys().tolist()) if context.user and context.hides_seen else set()
    kept: list[str] = []
    removed: Counter[str] = Counter()
    for item_id in item_ids:
        if item_id in named:  # all in one loop: it runs for every candidate of every request
            removed[EXCLUDED] += 1
        elif (key := item_key(item_id)) in returned:
            removed[RETURNED] += 1
        elif key in seen:
            removed[SEEN] += 1
        else:
            kept.append(item_id)
    return kept, removed


def _can_exist(item_id: str) -> bool:
    return 0 < len(item_id.encode()) <= MAX_ID_BYTES


def barred(context: QueryContext) -> set[str]:
    """Items that may not be shown by their ids."""
    found = set(context.request.exclude) | set(context.request.item_ids)
    for block in context.controls.blocks:
        found.update(block.item_ids)
    return found
