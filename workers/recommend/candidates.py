"""Stages 2 to 6: everything that may be shown, with what every source says of it.

Rules cost their searches only where they are: a cap, a pin or a share to explore may need items that the sources
do not bring by themselves.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from models.primitives.ids import item_key
from models.ranking.exploration import POOL
from models.ranking.ranking import Candidates
from models.retrieval.popular_lists import little_known_query
from workers.errors import DependencyError
from workers.index.filters import AnyOf, Condition, Not, OnlyIds, Range
from workers.index.port import Index
from workers.index.types import Query
from workers.index.validate import MAX_IDS
from workers.items.facts import ItemFacts
from workers.items.points import POPULARITY
from workers.items.rows import Facts
from workers.items.vectors import ItemVectors
from workers.recommend.conditions import DAY_MS, meets, unless_unknown
from workers.recommend.context import QueryContext
from workers.recommend.filters import barred, conditions, keep, required
from workers.recommend.merge import merge, score
from workers.recommend.plan import Plan
from workers.recommend.popular import Searcher
from workers.recommend.retrieve import Found, retrieve, retrieve_second, width_for
from workers.records.rules import EVERY

log = logging.getLogger(__name__)

# Each further search is so many times wider, until there are enough items or none are left.
WIDEN = 7
WIDEST = 10_000
# Searches beside full categories. Each finds new ones; a list that is short after so many stays short.
LOOKS_BESIDE = 4
# Hits of each source that a pin's filter may choose from.
PIN_WIDTH = 20
# Milliseconds after which other little-known items are drawn.
TURN_MS = 10_000
# An item published so many days ago or later is drawn at once.
NEW_DAYS = 7
LITTLE_KNOWN = "little_known"
# Kinds of request in which a place is given to what is little known: elsewhere it would answer another question.
EXPLORING = frozenset({"for_user", "session"})

Stage = Callable[[str], AbstractContextManager[None]]
Payloads = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where candidates and what is known of them come from."""

    index: Index
    searcher: Searcher
    facts: ItemFacts
    vectors: ItemVectors


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Candidates in the order of `facts`; `payloads`: what filters check, of those that rules ask about."""

    found: Found
    candidates: Candidates
    facts: Mapping[str, Facts]
    payloads: Payloads = field(default_factory=dict)


async def gather(context: QueryContext, planned: Plan, sources: Sources, stage: Stage) -> Gathered:
    """Candidates that may be shown, searched for wider and wider until they fill the list and one place more."""
    where = conditions(context)
    width = width_for(context.request.limit, len(context.page.returned), context.controls.width)
    while True:
        with stage("retrieve"):
            found = await retrieve(planned, where, sources.searcher, width)
        with stage("filter"):
            kept, _ = keep(merge(found), context)
        if len(kept) > context.request.limit or found.exhausted or width >= WIDEST:
            break
        width = min(width * WIDEN, WIDEST)
    payloads: Payloads = {}
    if _is_ruled(context):
        with stage("rules"):
            found, kept, payloads = await _ruled(context, planned, sources, where, found, kept)
    if planned.second and kept:
        with stage("retrieve"):
            only = OnlyIds(frozenset(kept[:MAX_IDS]))
            found = found.with_more(await retrieve_second(planned, (only,), sources.index, len(only.item_ids)))
    with stage("features"):
        facts = await sources.facts.of(kept, available=context.only_available)
        wanted = bool(planned.dense) or context.controls.diversity > 0.0
        vectors = await sources.vectors.matrix(list(facts)) if wanted else None
        return Gathered(found, score(facts, vectors, found, context), facts, payloads)


def pinned_here(context: QueryContext) -> dict[int, int]:
    """Places of this page, from 0, that are pinned, and by which of the pins."""
    first = 1 + len(context.page.returned)
    here = range(context.request.limit)
    return {pin.rank - first: at for at, pin in enumerate(context.controls.pins) if pin.rank - first in here}


def explores(context: QueryContext) -> bool:
    """Whether places of this list may go to what is little known."""
    return context.controls.explore > 0.0 and context.request.kind in EXPLORING


def _is_ruled(context: QueryContext) -> bool:
    controls = context.controls
    return bool(controls.boosts or controls.caps or controls.pins) or explores(context)


async def _ruled(
    context: QueryContext, planned: Plan, sources: Sources, where: tuple[Condition, ...], found: Found, kept: list[str]
) -> tuple[Found, list[str], Payloads]:
    """With what rules bring in, and what filters check of all of them."""
    if context.controls.caps:
        found = await _beside_full_categories(context, planned, sources, where, found)
    for at in pinned_here(context).values():
        if (pinned := context.controls.pins[at].where) is not None:
            of_pin = unless_unknown(pinned, context.profile, context.request.asked_at_ms)
            if of_pin is not None:
                found = found.with_more(await _best(planned, sources, (*where, *of_pin), PIN_WIDTH))
    if explores(context):
        found = found.with_more(await _little_known(context, sources, where))
    kept, _ = keep(merge(found), context)
    kept = list(dict.fromkeys((*kept, *await _pinned_by_id(context, sources))))
    return found, kept, await sources.facts.filtered(kept)


async def _beside_full_categories(
    context: QueryContext, planned: Plan, sources: Sources, where: tuple[Condition, ...], found: Found
) -> Found:
    """Search beside the categories that fill their cap, until what the caps let pass fills the list."""
    payloads: dict[str, Mapping[str, Any]] = {}
    for _ in range(LOOKS_BESIDE):
        kept, _removed = keep(merge(found), context)
        payloads |= await sources.facts.filtered([item_id for item_id in kept if item_id not in payloads])
        held = Counter(str(payloads[item_id].get("category", "")) for item_id in kept if item_id in payloads)
        full = _full(held, context.controls.caps)
        room = sum(min(count, full.get(name, count)) for name, count in held.items())
        if room > context.request.limit or not full:
            break
        beside = Not(AnyOf("category", tuple(sorted(full))))
        more = await _best(planned, sources, (*where, beside), width_for(context.request.limit, 0))
        if not any(more.hits.values()):
            break
        found = found.with_more(more)
    return found


def _full(held: Mapping[str, int], caps: Mapping[str, int]) -> dict[str, int]:
    """Caps of the categories of which as many are held as a list may show; items without a category have none."""
    capped = {name: caps.get(name, caps.get(EVERY)) for name in held if name}
    return {name: most for name, most in capped.items() if most is not None and held[name] >= most}


async def _best(planned: Plan, sources: Sources, where: tuple[Condition, ...], width: int) -> Found:
    """What the sources find under further conditions; without them the list has what it had."""
    try:
        return await retrieve(planned, where, sources.searcher, width)
    except DependencyError as error:
        log.warning("rules could not look for more: %s", error)
        return replace(Found({}, {}, {}), degraded=("rules",))


async def _little_known(context: QueryContext, sources: Sources, where: tuple[Condition, ...]) -> Found:
    """Little-known items that are due: by the clock, so that chances do not depend on the draw; new ones always."""
    asked_at_ms = context.request.asked_at_ms
    vector = little_known_query(asked_at_ms // TURN_MS)
    new = Range("published_at", gte=asked_at_ms - NEW_DAYS * DAY_MS)
    queries = [Query(POPULARITY, vector, POOL // 2, within) for within in (where, (*where, new))]
    try:
        answers = await sources.index.search(queries)
    except DependencyError as error:
        log.warning("nothing is explored: %s", error)
        return replace(Found({}, {}, {}), degraded=(LITTLE_KNOWN,))
    return Found({LITTLE_KNOWN: [hit for hits in answers for hit in hits]}, {}, {})


async def _pinned_by_id(context: QueryContext, sources: Sources) -> list[str]:
    """Items that pins name and that may be shown; those that the user had may come back."""
    named = [name for at in pinned_here(context).values() for name in context.controls.pins[at].item_ids]
    if not named:
        return []
    barred_ids, returned = barred(context), set(context.page.returned)
    possible = [name for name in named if name not in barred_ids and item_key(name) not in returned]
    payloads = await sources.facts.filtered(possible)
    needed = required(context)
    return [name for name, payload in payloads.items() if meets(needed, name, payload)]
