"""Stage 1: what is known of the user, and of the items that the request is about."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from models.primitives.sparse import SparseVector
from models.ranking.fusion import Situation
from models.retrieval.sources import CATEGORY_ITEMS, COOCCURRENCE_ITEMS, TRANSITION_ITEMS, category_affinity
from models.state.history import History
from models.state.profile import Profile
from models.state.user_state import UserState
from workers.errors import BadRecordError
from workers.items.facts import ItemFacts
from workers.items.points import BOUGHT, TRANSITIONS
from workers.items.rows import Facts
from workers.recommend.controls import NEUTRAL, Controls
from workers.recommend.paging import Page, page_of
from workers.records.codes import RequestFailure
from workers.records.reply import AsOf
from workers.records.request import Kind, Request

# Events of a guest no further apart belong to one session, as in most web statistics.
SESSION_GAP_MS = 30 * 60_000
VIEWED = 1.0


@dataclass(frozen=True, slots=True)
class QueryContext:
    """A request and what it is about.

    `recent`: (item id, weight) of distinct items, newest first; `counts`: users behind an item's rows; `affinity`:
    share of each category in the recent items; `preferred`: categories that a user without a past says to
    like; `bought`: rows of the items asked about; `followed`: what came before each of the last items; `prices`: those
    of the recent items that have one.
    """

    request: Request
    page: Page
    situation: Situation
    user: UserState | None = None
    controls: Controls = NEUTRAL
    as_of: AsOf | None = None
    recent: tuple[tuple[str, float], ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    affinity: Mapping[str, float] = field(default_factory=dict)
    preferred: tuple[str, ...] = ()
    bought: Mapping[str, SparseVector] = field(default_factory=dict)
    followed: Mapping[str, SparseVector] = field(default_factory=dict)
    prices: tuple[float, ...] = ()

    @property
    def recent_ids(self) -> list[str]:
        """Recent items, newest first."""
        return [item_id for item_id, _ in self.recent]

    @property
    def profile(self) -> Profile:
        """What the user said of themselves, empty of a stranger."""
        return self.user.profile if self.user else Profile()

    @property
    def only_available(self) -> bool:
        """Whether items that are unavailable may not be shown: the request or a rule may want that."""
        ruled = self.controls.filters
        return self.request.filters.available or (ruled.available and "available" in ruled.model_fields_set)

    @property
    def hides_seen(self) -> bool:
        """Whether items that the user had may not come back: who searches may look for just these."""
        return self.request.kind != "search"

    def count_of(self, item_id: str) -> int:
        """Users behind an item's rows, 0 for an unknown one."""
        return self.counts.get(item_id, 0)


async def build_context(
    request: Request,
    user: UserState | None,
    partition: int,
    facts: ItemFacts,
    recommendation_id: str,
    controls: Controls = NEUTRAL,
) -> QueryContext:
    """The context of a request of the user whose row is `user`; raises `BadRecordError` if there is none."""
    situation = Situation("for_user" if request.kind == "session" else request.kind)
    page = page_of(request, recommendation_id)
    context = QueryContext(request, page, situation, user, controls, _as_of(user, partition))
    return await _BUILDERS[request.kind](context, facts)


async def _for_user(context: QueryContext, facts: ItemFacts) -> QueryContext:
    """An unknown user has no past, which is no error."""
    user = context.user
    if user is None or user.last_time_ms is None:
        return _for_stranger(context)
    gap_ms = max(0, context.request.asked_at_ms - user.last_time_ms)
    situation = Situation("for_user", len(user.history), gap_ms)
    recent = user.history.recent(COOCCURRENCE_ITEMS)
    return await _with_past(replace(context, situation=situation), recent, facts)


async def _for_session(context: QueryContext, facts: ItemFacts) -> QueryContext:
    """The list given is the whole past; without one it is what the guest did in the last sitting."""
    given = context.request.item_ids
    if given:
        recent = [(item_id, VIEWED) for item_id in dict.fromkeys(reversed(given))][:COOCCURRENCE_ITEMS]
        return await _with_past(replace(context, situation=Situation("for_user", len(given), 0)), recent, facts)
    user = context.user
    if user is None or user.last_time_ms is None:
        return _for_stranger(context)
    recent = last_session(user.history)
    gap_ms = max(0, context.request.asked_at_ms - user.last_time_ms)
    return await _with_past(replace(context, situation=Situation("for_user", len(recent), gap_ms)), recent, facts)


async def _for_similar(context: QueryContext, facts: ItemFacts) -> QueryContext:
    known = await _known(context.request.item_ids, facts)
    return replace(context, as_of=None, counts={item_id: fact.users for item_id, fact in known.items()})


async def _for_bought(context: QueryContext, facts: ItemFacts) -> QueryContext:
    item_ids = context.request.item_ids
    known = await _known(item_ids, facts)
    counts = {item_id: fact.buyers for item_id, fact in known.items()}
    return replace(context, as_of=None, counts=counts, bought=await facts.rows(item_ids, BOUGHT))


async def _known(item_ids: Sequence[str], facts: ItemFacts) -> Mapping[str, Facts]:
    """Raises `BadRecordError` if none of the items asked about is in the catalog, as far as this worker knows it."""
    known = await facts.of(item_ids)
    if known:
        return known
    if elsewhere := facts.out_of_reach(item_ids):
        raise BadRecordError(
            RequestFailure.PARTIAL_CATALOG,
            f"the items {elsewhere[:5]} are in partitions of item-catalog that this worker does not have, and its "
            "index (in its own process) holds only its own: ask the worker that has them, run one worker, or have "
            "all share a Qdrant server (TASTESTREAM_INDEX_KIND=server)",
        )
    raise BadRecordError(
        RequestFailure.UNKNOWN_ITEM,
        f"none of the items {list(item_ids)[:5]} is in the catalog: publish it to item-catalog first",
    )


async def _for_search(context: QueryContext, facts: ItemFacts) -> QueryContext:
    if not context.request.personalised:
        return replace(context, as_of=None)
    situation = context.situation
    return replace(await _for_user(context, facts), situation=situation)


async def _for_trending(context: QueryContext, facts: ItemFacts) -> QueryContext:
    return replace(context, as_of=None)


_BUILDERS: Mapping[Kind, Callable[[QueryContext, ItemFacts], Awaitable[QueryContext]]] = {
    "for_user": _for_user,
    "session": _for_session,
    "similar_items": _for_similar,
    "bought_together": _for_bought,
    "search": _for_search,
    "trending": _for_trending,
}


def last_session(history: History) -> list[tuple[str, float]]:
    """Distinct items of the last sitting as (item id, weight), newest first, at most 20."""
    found: dict[str, float] = {}
    later_ms = history.times_ms[-1]
    for position in range(len(history) - 1, -1, -1):
        if later_ms - history.times_ms[position] > SESSION_GAP_MS or len(found) == COOCCURRENCE_ITEMS:
            break
        later_ms = history.times_ms[position]
        found.setdefault(history.item_ids[position], history.weights[position])
    return list(found.items())


def _for_stranger(context: QueryContext) -> QueryContext:
    preferred = context.user.profile.preferred_categories if context.user else ()
    return replace(context, as_of=None, preferred=preferred)


async def _with_past(context: QueryContext, recent: Sequence[tuple[str, float]], facts: ItemFacts) -> QueryContext:
    known = await facts.of(item_id for item_id, _ in recent)
    categories = [known[item_id].labels if item_id in known else [] for item_id, _ in recent[:CATEGORY_ITEMS]]
    return replace(
        context,
        recent=tuple(recent),
        counts={item_id: fact.users for item_id, fact in known.items()},
        affinity=category_affinity(categories),
        followed=await facts.rows([item_id for item_id, _ in recent[:TRANSITION_ITEMS]], TRANSITIONS),
        prices=tuple(fact.price for fact in known.values() if fact.price > 0.0),
    )


def _as_of(user: UserState | None, partition: int) -> AsOf | None:
    if user is None or user.last_time_ms is None:
        return None
    return AsOf(partition, user.watermarks.get(partition, -1), user.last_time_ms)
