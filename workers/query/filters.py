"""Stage 5: what may not be shown, said to the index where it can be, checked on what comes back."""

from collections import Counter
from collections.abc import Collection, Iterable

from models.ids import item_key
from workers.index.filters import AnyOf, Condition, Equals, ExcludeIds, Not, Range
from workers.index.validate import MAX_ID_BYTES, MAX_IDS
from workers.query.question import Question
from workers.records.fields import Scalar
from workers.records.filters import Filters

# Events whose items the index is asked to leave out: those that transitions bring back most. Older ones are
# removed from what comes back; naming them all would cost 3 µs each in every search.
RECENTLY_SEEN = 64

SEEN = "seen"
EXCLUDED = "excluded"


def conditions(question: Question) -> tuple[Condition, ...]:
    """What the index can leave out by itself: unavailable, filtered, named, and recently seen items."""
    filters = question.request.filters
    found: list[Condition] = list(_wanted(filters))
    left_out = _named(question)
    if question.user is not None:
        left_out |= set(question.user.history.item_ids[-RECENTLY_SEEN:])
    possible = sorted(filter(_can_exist, left_out))[:MAX_IDS]
    if possible:
        found.append(ExcludeIds(frozenset(possible)))
    return tuple(found)


def keep(item_ids: Iterable[str], question: Question) -> tuple[list[str], Counter[str]]:
    """Items that may be shown, in the order given, and how many were removed for which reason."""
    named = _named(question)
    seen = set() if question.user is None else set(question.user.seen_keys().tolist())
    kept: list[str] = []
    removed: Counter[str] = Counter()
    for item_id in item_ids:
        reason = _reason(item_id, named, seen)
        if reason is None:
            kept.append(item_id)
        else:
            removed[reason] += 1
    return kept, removed


def _reason(item_id: str, named: Collection[str], seen: Collection[int]) -> str | None:
    if item_id in named:
        return EXCLUDED
    return SEEN if item_key(item_id) in seen else None


def _can_exist(item_id: str) -> bool:
    return 0 < len(item_id.encode()) <= MAX_ID_BYTES


def _named(question: Question) -> set[str]:
    return set(question.request.exclude) | set(question.request.item_ids)


def _wanted(filters: Filters) -> Iterable[Condition]:
    if filters.available:
        yield Equals("available", 1)
    if filters.category:
        yield AnyOf("category", filters.category)
    if filters.category_not:
        yield Not(AnyOf("category", filters.category_not))
    if filters.price.min is not None or filters.price.max is not None:
        yield Range("price", gte=filters.price.min, lte=filters.price.max)
    if filters.tags_any:
        yield AnyOf("tags", filters.tags_any)
    if filters.published_since is not None:
        yield Range("published_at", gte=filters.published_since)
    yield from (Equals("tags", tag) for tag in filters.tags)
    yield from (_attribute(f"attributes.{name}", value) for name, value in filters.attributes.items())


def _attribute(field: str, value: Scalar) -> Condition:
    """A number is met by an equal one, whole or not: JSON does not tell 3 from 3.0."""
    if isinstance(value, str | bool):
        return Equals(field, value)
    return Range(field, gte=value, lte=value)
