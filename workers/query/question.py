"""Stage 1: what we know of who asks, and of the items of their recent past."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.fusion import Situation
from models.sources import CATEGORY_ITEMS, COOCCURRENCE_ITEMS, category_affinity
from models.user_state import UserState
from workers.errors import BadRecordError
from workers.facts import ItemFacts
from workers.records.codes import RequestFailure
from workers.records.reply import AsOf
from workers.records.request import Request


@dataclass(frozen=True, slots=True)
class Question:
    """A request and what it is about; `recent` are (item id, weight) of distinct items, newest first.

    `counts`: users who touched an item; `affinity`: share of each category in the recent items.
    """

    request: Request
    situation: Situation
    user: UserState | None = None
    as_of: AsOf | None = None
    recent: tuple[tuple[str, float], ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    affinity: Mapping[str, float] = field(default_factory=dict)

    @property
    def recent_ids(self) -> list[str]:
        """Recent items, newest first."""
        return [item_id for item_id, _ in self.recent]

    def count_of(self, item_id: str) -> int:
        """Users who touched the item, 0 for an unknown one."""
        return self.counts.get(item_id, 0)


async def ask_for_user(request: Request, user: UserState | None, partition: int, facts: ItemFacts) -> Question:
    """The question of a user or guest; somebody unknown has no past, which is no error."""
    if user is None or user.last_time_ms is None:
        return Question(request, Situation("for_user"), user)
    recent = user.history.recent(COOCCURRENCE_ITEMS)
    known = await facts.of(item_id for item_id, _ in recent)
    categories = [known[item_id].labels if item_id in known else [] for item_id, _ in recent[:CATEGORY_ITEMS]]
    return Question(
        request,
        Situation("for_user", len(user.history), gap_ms=max(0, request.asked_at_ms - user.last_time_ms)),
        user,
        AsOf(partition, user.watermarks.get(partition, -1), user.last_time_ms),
        tuple(recent),
        {item_id: fact.users for item_id, fact in known.items()},
        category_affinity(categories),
    )


async def ask_for_similar(request: Request, user: UserState | None, facts: ItemFacts) -> Question:
    """The question for items like those named; raises `BadRecordError` if none of them is in the catalog."""
    known = await facts.of(request.item_ids)
    if not known:
        raise BadRecordError(
            RequestFailure.UNKNOWN_ITEM,
            f"none of the items {list(request.item_ids)[:5]} is in the catalog: publish it to item-catalog first",
        )
    counts = {item_id: fact.users for item_id, fact in known.items()}
    return Question(request, Situation("similar_items"), user, counts=counts)


def ask_for_trending(request: Request, user: UserState | None) -> Question:
    """The question for what is popular now."""
    return Question(request, Situation("trending"), user)
