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
from workers.recommend.question import Question
from workers.records.rules import EVERY, Pin, Where

NOTHING = Steering()


def steering(gathered: Gathered, question: Question) -> Steering:
    """Boosts, caps, pins and what may be explored among `gathered`, for this page of the answer."""
    if not gathered.payloads:
        return NOTHING
    exploring = explores(question)
    return Steering(
        boosts=_boosts(gathered, question),
        caps=_caps(gathered, question),
        pins=_pins(gathered, question),
        explored=question.controls.explore if exploring else 0.0,
        little_known=_little_known(gathered) if exploring else (),
        seed=event_hash(f"{question.page.recommendation_id}/{len(question.page.shown)}"),
    )


def _boosts(gathered: Gathered, question: Question) -> dict[str, Floats]:
    """Logits by rule, of those rules that some candidate meets; a factor multiplies the odds of being chosen."""
    found: dict[str, Floats] = {}
    for boost in question.controls.boosts:
        met = _meeting(boost.where, gathered, question)
        if met:
            logits = np.zeros(len(gathered.facts))
            logits[met] = log(boost.factor) if boost.factor is not None else boost.add
            found[boost.name] = logits
    return found


def _caps(gathered: Gathered, question: Question) -> Caps | None:
    caps = dict(question.controls.caps)
    if not caps:
        return None
    categories = [gathered.payloads.get(item_id, {}).get("category") for item_id in gathered.facts]
    others = caps.pop(EVERY, None)
    return caps_of(categories, caps, others)


def _pins(gathered: Gathered, question: Question) -> dict[int, list[int]]:
    """For each pinned place those that may stand there; ids first, because they have no other."""
    place_of = {item_id: place for place, item_id in enumerate(gathered.facts)}
    pins = {at: question.controls.pins[number] for at, number in pinned_here(question).items()}
    found: dict[int, list[int]] = {}
    for at, pin in sorted(pins.items(), key=lambda one: (one[1].where is not None, one[0])):
        found[at] = _standing(pin, place_of, gathered, question)
    return found


def _standing(pin: Pin, place_of: dict[str, int], gathered: Gathered, question: Question) -> list[int]:
    if pin.where is not None:
        return _meeting(pin.where, gathered, question)
    return [place_of[item_id] for item_id in pin.item_ids if item_id in place_of][:1]


def _meeting(where: Where, gathered: Gathered, question: Question) -> list[int]:
    """Places of the candidates that meet a rule's condition."""
    wanted = unless_unknown(where, question.profile, question.request.asked_at_ms)
    if wanted is None:
        return []
    nothing: dict[str, Any] = {}
    return [
        place
        for place, item_id in enumerate(gathered.facts)
        if meets(wanted, item_id, gathered.payloads.get(item_id, nothing))
    ]


def _little_known(gathered: Gathered) -> list[int]:
    return [place for place, facts in enumerate(gathered.facts.values()) if facts.users < FEW_USERS]
