"""What rules bring in beside the sources: for caps, pins and a share to explore (no I/O)."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from models.ranking.exploration import FEW_USERS, POOL
from models.retrieval.catalog_columns import CATEGORY, PUBLISHED
from models.retrieval.item_slots import Slots
from models.retrieval.item_table import ItemTable
from models.retrieval.popular_lists import due
from models.retrieval.retrieval import WIDTH, candidates
from workers.recommend.conditions import DAY_MS, unless_unknown
from workers.recommend.context import QueryContext
from workers.recommend.filters import Allowed
from workers.recommend.masks import Mask, all_met
from workers.records.rules import EVERY, Pin, Where

# Looks beside full categories. Each finds new ones; a list that is short after so many stays short.
LOOKS_BESIDE = 4
# Candidates of each source that a pin's filter may choose from.
PIN_WIDTH = 20
# Milliseconds after which other little-known items are drawn.
TURN_MS = 10_000
# An item published so many days ago or later is drawn at once.
NEW_DAYS = 7
# Kinds of request in which a place is given to what is little known: elsewhere it would answer another question.
EXPLORING = frozenset({"for_user", "session"})


def brought_by_rules(slots: Slots, context: QueryContext, may: Allowed, table: ItemTable) -> Slots:
    """`slots`, ascending, with those that rules need, ascending."""
    more = [slots]
    if context.controls.caps and context.text is None:
        more += _beside_full_categories(slots, context, may.shown, table)
    for pin in pinned_here(context).values():
        more.append(_to_pin(pin, context, may, table))
    if explores(context):
        more.append(little_known(context, may.shown, table))
    return slots if len(more) == 1 else np.unique(np.concatenate(more))


def pinned_here(context: QueryContext) -> dict[int, Pin]:
    """Pins of this page by their places, from 0."""
    first = 1 + len(context.page.returned)
    return {pin.rank - first: pin for pin in context.controls.pins if pin.rank - first in range(context.request.limit)}


def explores(context: QueryContext) -> bool:
    """Whether places of this list may go to what is little known."""
    return context.controls.explore > 0.0 and context.request.kind in EXPLORING


def meeting(where: Where, context: QueryContext, table: ItemTable) -> Mask | None:
    """Which items meet a rule's condition, bool (items,); None where that is nothing to decide by."""
    wanted = unless_unknown(where, context.profile, context.request.asked_at_ms)
    return None if wanted is None else all_met(wanted, table)


def _beside_full_categories(slots: Slots, context: QueryContext, shown: Mask, table: ItemTable) -> list[Slots]:
    """More beside the categories that fill their cap, until what the caps let pass fills the list."""
    found, free = [slots], shown.copy()
    for _ in range(LOOKS_BESIDE):
        held = Counter(table.catalog.categories(np.unique(np.concatenate(found)), len(table)))
        full = _full(held, context.controls.caps)
        room = sum(min(count, full.get(name, count)) for name, count in held.items())
        if room > context.request.limit or not full:
            break
        for name in full:
            free &= ~table.catalog.having(CATEGORY, name, len(table))
        width = max(WIDTH, 2 * context.request.limit)
        more = candidates(table, context.asked, free, width)
        if not len(more):
            break
        found.append(more)
    return found[1:]


def _full(held: Mapping[str | None, int], caps: Mapping[str, int]) -> dict[str | None, int]:
    """Caps of the categories of which as many are held as a list may show; items without a category have none."""
    capped = {name: caps.get(name, caps.get(EVERY)) for name in held if name}
    return {name: most for name, most in capped.items() if most is not None and held[name] >= most}


def _to_pin(pin: Pin, context: QueryContext, may: Allowed, table: ItemTable) -> Slots:
    """Items that may stand where the pin is. Those that it names may come back to a user who had them."""
    if pin.where is None:
        named = table.slots.found(pin.item_ids)
        return named[may.to_pin[named]]
    met = meeting(pin.where, context, table)
    if met is None or context.text is not None:
        return np.zeros(0, dtype=np.intp)
    return candidates(table, context.asked, met & may.shown, PIN_WIDTH)


def little_known(context: QueryContext, shown: Mask, table: ItemTable) -> Slots:
    """Little-known items that are due: by the clock, so that chances do not depend on the draw; new ones always."""
    asked_at_ms, count = context.request.asked_at_ms, len(table)
    few = shown & (table.use.users(count) < FEW_USERS)
    new = few & (table.catalog.number(PUBLISHED, count) >= asked_at_ms - NEW_DAYS * DAY_MS)
    keys, turn = table.slots.keys, asked_at_ms // TURN_MS
    return np.concatenate([due(keys, mask, turn, POOL // 2) for mask in (few, new)])
