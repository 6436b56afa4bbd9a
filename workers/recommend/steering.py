"""What rules want of the candidates at hand, in the terms in which they are ranked."""

from math import log
from typing import Any

import numpy as np

from models.primitives.ids import event_hash
from models.ranking.caps import Caps, caps_of
from models.ranking.exploration import FEW_USERS
from models.ranking.fusion import Floats
from models.ranking.ranking import Steering
from workers.recommend.candidates import Gathered, explores, pinned_here
from workers.recommend.conditions import meets, unless_unknown
from workers.recommend.context import QueryContext
from workers.records.rules import EVERY, Pin, Where

NOTHING = Steering()


def steering(gathered: Gathered, context: QueryContext) -> Steering:
    """Boosts, caps, pins and what may be explored among `gathered`, for this page of the answer."""
    if not gathered.payloads:
        return NOTHING
    exploring = explores(context)
    return Steering(
        boosts=_boosts(gathered, context),
        caps=_caps(gathered, context),
        pins=_pins(gathered, context),
        explored=context.controls.explore if exploring else 0.0,
        little_known=_little_known(gathered) if exploring else (),
        seed=event_hash(f"{context.page.recommendation_id}/{len(context.page.returned)}"),
    )


def _boosts(gathered: Gathered, context: QueryContext) -> dict[str, Floats]:
    """Logits by rule, of those rules that some candidate meets; a factor multiplies the odds of being chosen."""
    found: dict[str, Floats] = {}
    for boost in context.controls.boosts:
        met = _meeting(boost.where, gathered, context)
        if met:
            logits = np.zeros(len(gathered.facts))
            logits[met] = log(boost.factor) if boost.factor is not None else boost.add
            found[boost.name] = logits
    return found


def _caps(gathered: Gathered, context: QueryContext) -> Caps | None:
    caps = dict(context.controls.caps)
    if not caps:
        return None
    categories = [gathered.payloads.get(item_id, {}).get("category") for item_id in gathered.facts]
    others = caps.pop(EVERY, None)
    return caps_of(categories, caps, others)


def _pins(gathered: Gathered, context: QueryContext) -> dict[int, list[int]]:
    """For each pinned place those that may stand there; ids first, because they have no other."""
    position_of = {item_id: position for position, item_id in enumerate(gathered.facts)}
    pins = {at: context.controls.pins[number] for at, number in pinned_here(context).items()}
    found: dict[int, list[int]] = {}
    for at, pin in sorted(pins.items(), key=lambda one: (one[1].where is not None, one[0])):
        found[at] = _standing(pin, position_of, gathered, context)
    return found


def _standing(pin: Pin, position_of: dict[str, int], gathered: Gathered, context: QueryContext) -> list[int]:
    if pin.where is not None:
        return _meeting(pin.where, gathered, context)
    return [position_of[item_id] for item_id in pin.item_ids if item_id in position_of][:1]


def _meeting(where: Where, gathered: Gathered, context: QueryContext) -> list[int]:
    """Places of the candidates that meet a rule's condition."""
    wanted = unless_unknown(where, context.profile, context.request.asked_at_ms)
    if wanted is None:
        return []
    nothing: dict[str, Any] = {}
    return [
        position
        for position, item_id in enumerate(gathered.facts)
        if meets(wanted, item_id, gathered.payloads.get(item_id, nothing))
    ]


def _little_known(gathered: Gathered) -> list[int]:
    return [position for position, facts in enumerate(gathered.facts.values()) if facts.users < FEW_USERS]
