"""Stage 5: what may not be shown, said to the index where it can be, checked on what comes back."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from models.ids import item_key
from models.profile import Profile
from workers.errors import BadRecordError
from workers.index.filters import AnyOf, Condition, Equals, ExcludeIds, Not, Range
from workers.index.validate import MAX_ID_BYTES, MAX_IDS
from workers.item_points import MEAN_RATING
from workers.query.question import Question
from workers.records.codes import RequestFailure
from workers.records.filters import Filters, FromProfile

# Events whose items the index is asked to leave out: those that transitions bring back most. Older ones are
# removed from what comes back; naming them all would cost 3 µs each in every search.
RECENTLY_SEEN = 64

SEEN = "seen"
EXCLUDED = "excluded"
SHOWN = "shown"


def conditions(question: Question) -> tuple[Condition, ...]:
    """What the index can leave out by itself: unavailable, filtered, named, and recently seen items.

    Raises `BadRecordError` for a filter that refers to what the user's profile does not hold.
    """
    found: list[Condition] = list(
        _wanted(question.request.filters, question.user.profile if question.user else Profile())
    )
    left_out = _named(question)
    if question.user is not None and question.hides_seen:
        left_out |= set(question.user.history.item_ids[-RECENTLY_SEEN:])
    possible = sorted(filter(_can_exist, left_out))[:MAX_IDS]
    if possible:
        found.append(ExcludeIds(frozenset(possible)))
    return tuple(found)


def keep(item_ids: Iterable[str], question: Question) -> tuple[list[str], Counter[str]]:
    """Items that may be shown, in the order given, and how many were removed for which reason."""
    named, shown = _named(question), frozenset(question.page.shown)
    seen = set(question.user.seen_keys().tolist()) if question.user and question.hides_seen else set()
    kept: list[str] = []
    removed: Counter[str] = Counter()
    for item_id in item_ids:
        reason = _reason(item_id, named, shown, seen)
        if reason is None:
            kept.append(item_id)
        else:
            removed[reason] += 1
    return kept, removed


def _reason(item_id: str, named: Collection[str], shown: Collection[int], seen: Collection[int]) -> str | None:
    if item_id in named:
        return EXCLUDED
    key = item_key(item_id)
    if key in shown:
        return SHOWN
    return SEEN if key in seen else None


def _can_exist(item_id: str) -> bool:
    return 0 < len(item_id.encode()) <= MAX_ID_BYTES


def _named(question: Question) -> set[str]:
    return set(question.request.exclude) | set(question.request.item_ids)


def _wanted(filters: Filters, profile: Profile) -> Iterable[Condition]:
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
    if filters.min_mean_rating is not None:
        yield Range(MEAN_RATING, gte=filters.min_mean_rating)
    if filters.preferred and (preferred := profile.preferred_categories):
        yield AnyOf("category", preferred)
    yield from (Equals("tags", tag) for tag in filters.tags)
    for name, value in filters.attributes.items():
        found = _from_profile(name, value, profile) if isinstance(value, FromProfile) else value
        yield _attribute(f"attributes.{name}", found)


def _from_profile(name: str, asked: FromProfile, profile: Profile) -> Any:
    """What the profile holds, else the default: to let everything pass could show what may not be shown."""
    value = profile.attributes.get(asked.profile, asked.default)
    if value is None or value == ():
        raise BadRecordError(
            RequestFailure.MISSING_PROFILE,
            f"the filter on attribute {name!r} refers to {asked.profile!r}, which the user's profile does not hold: "
            "publish it in a profile record, or give the filter a 'default'",
        )
    return value


def _attribute(field: str, value: Any) -> Condition:
    """A number is met by an equal one, whole or not: JSON does not tell 3 from 3.0. A list is met by one of it."""
    if isinstance(value, list | tuple):
        texts = tuple(one for one in value if isinstance(one, str))
        return AnyOf(field, texts or tuple(one for one in value if isinstance(one, int)))
    if isinstance(value, str | bool):
        return Equals(field, value)
    return Range(field, gte=value, lte=value)
