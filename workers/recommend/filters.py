"""What may not be shown: one mask over all items, and of it as much as the index can be told."""

from dataclasses import dataclass

import numpy as np

from models.retrieval.item_table import ItemTable
from workers.index.filters import All, Condition, Equals, Not, OnlyIds, Range
from workers.index.validate import MAX_IDS
from workers.recommend.conditions import MEAN_RATING, wanted
from workers.recommend.context import QueryContext
from workers.recommend.masks import Mask, all_met

# So many times more is asked of the index, because it is not told all that an answer leaves out.
TWICE, WIDER = 2, 4


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """Masks bool (items,): `to_pin` may be shown where a rule puts it, `shown` also of its own: the user had it not."""

    to_pin: Mask
    shown: Mask


def allowed(context: QueryContext, table: ItemTable) -> Allowed:
    """What may be shown; raises `BadRecordError` for a filter that refers to what the user's profile does not hold."""
    to_pin = all_met(required(context), table)
    to_pin[table.slots.found(barred(context))] = False
    to_pin[table.slots.found_by_key(context.page.returned)] = False
    if context.user is None or not context.hides_seen:
        return Allowed(to_pin, to_pin)
    shown = to_pin.copy()
    shown[table.slots.found_by_key(context.user.seen_keys().tolist())] = False
    return Allowed(to_pin, shown)


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


def barred(context: QueryContext) -> set[str]:
    """Items that may not be shown by their ids."""
    found = set(context.request.exclude) | set(context.request.item_ids)
    for block in context.controls.blocks:
        found.update(block.item_ids)
    return found


def for_the_index(context: QueryContext, may: Allowed, table: ItemTable) -> tuple[tuple[Condition, ...], int]:
    """What the index is to leave out by itself, and how many times more it is to be asked for.

    Where at least half may be shown, asking for twice as many costs less than a condition. It does not know ratings,
    and takes 10,000 ids: if no more than that may be shown, it gets these.
    """
    shown = np.flatnonzero(may.shown)
    if 2 * len(shown) >= np.count_nonzero(table.catalog.known(len(table))):
        return (), TWICE
    needed = required(context)
    told = tuple(condition for condition in needed if not _asks_for_ratings(condition))
    if len(told) == len(needed):
        return told, TWICE
    if len(shown) <= MAX_IDS:
        return (OnlyIds(frozenset(table.slots.ids[shown].tolist())),), 1
    return told, WIDER


def _asks_for_ratings(condition: Condition) -> bool:
    match condition:
        case Range(field):
            return field == MEAN_RATING
        case Not(inner):
            return _asks_for_ratings(inner)
        case All(conditions):
            return any(map(_asks_for_ratings, conditions))
    return False
