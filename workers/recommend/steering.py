"""What rules want of the candidates at hand, in the terms in which they are ranked."""

from math import log

import numpy as np

from models.primitives.ids import event_hash
from models.ranking.caps import Caps, caps_of
from models.ranking.exploration import FEW_USERS
from models.ranking.fusion import Floats
from models.ranking.ranking import Steering
from models.retrieval.item_slots import Slots
from models.retrieval.item_table import ItemTable
from workers.recommend.context import QueryContext
from workers.recommend.masks import Mask
from workers.recommend.rules import explores, meeting, pinned_here
from workers.records.rules import EVERY, Pin

_NOTHING = Steering()


def steering(slots: Slots, context: QueryContext, table: ItemTable) -> Steering:
    """Boosts, caps, pins and what may be explored among the candidates in `slots`, for this page of the answer."""
    controls, exploring = context.controls, explores(context)
    if not (controls.boosts or controls.caps or controls.pins or exploring):
        return _NOTHING
    return Steering(
        boosts=boosts(slots, context, table),
        caps=_caps(slots, context, table),
        pins=_pins(slots, context, table),
        explored=controls.explore if exploring else 0.0,
        little_known=_positions(table.use.users(len(table))[slots] < FEW_USERS) if exploring else (),
        seed=event_hash(f"{context.page.recommendation_id}/{len(context.page.returned)}"),
    )


def boosts(slots: Slots, context: QueryContext, table: ItemTable) -> dict[str, Floats]:
    """Logits by rule, of those rules that some candidate meets; a factor multiplies the odds of being chosen."""
    found: dict[str, Floats] = {}
    for boost in context.controls.boosts:
        met = meeting(boost.where, context, table)
        if met is not None and met[slots].any():
            logits = boost.add if boost.factor is None else log(boost.factor)
            found[boost.name] = met[slots].astype(np.float64) * (logits or 0.0)
    return found


def _caps(slots: Slots, context: QueryContext, table: ItemTable) -> Caps | None:
    caps = dict(context.controls.caps)
    if not caps:
        return None
    others = caps.pop(EVERY, None)
    return caps_of(table.catalog.categories(slots, len(table)), caps, others)


def _pins(slots: Slots, context: QueryContext, table: ItemTable) -> dict[int, list[int]]:
    """For each pinned place those that may stand there; ids first, because they have no other."""
    pins = sorted(pinned_here(context).items(), key=lambda one: (one[1].where is not None, one[0]))
    return {at: _standing(pin, slots, context, table) for at, pin in pins}


def _standing(pin: Pin, slots: Slots, context: QueryContext, table: ItemTable) -> list[int]:
    if pin.where is not None:
        met = meeting(pin.where, context, table)
        return [] if met is None else _positions(met[slots])
    named = table.slots.found(pin.item_ids)
    return list(map(int, np.searchsorted(slots, named[np.isin(named, slots)][:1])))


def _positions(mask: Mask) -> list[int]:
    return [int(position) for position in np.flatnonzero(mask)]
