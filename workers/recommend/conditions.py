"""What filters mean: as conditions that an index understands, and masks say of all items."""

from collections.abc import Iterable
from typing import Any

from models.state.profile import Profile
from workers.errors import BadRecordError
from workers.index.filters import AnyOf, Condition, Equals, Not, Range
from workers.records.codes import RequestFailure
from workers.records.filters import Filters, FromProfile
from workers.records.rules import Where

DAY_MS = 86_400_000

MEAN_RATING = "mean_rating"
"""Field that a filter on ratings asks; the index does not have it."""


def wanted(filters: Filters, profile: Profile, asked_at_ms: int) -> tuple[Condition, ...]:
    """The conditions that must all hold; `available` is not among them.

    Raises `BadRecordError` for a filter that refers to what the user's profile does not hold.
    """
    return tuple(_conditions(filters, profile, asked_at_ms))


def unless_unknown(where: Where, profile: Profile, asked_at_ms: int) -> tuple[Condition, ...] | None:
    """The conditions of a rule, or None where the user's profile does not say what it asks: then it is not met."""
    try:
        return wanted(where, profile, asked_at_ms) or None
    except BadRecordError:
        return None


def _conditions(filters: Filters, profile: Profile, asked_at_ms: int) -> Iterable[Condition]:
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
    if filters.published_within_days is not None:
        yield Range("published_at", gte=asked_at_ms - filters.published_within_days * DAY_MS)
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
    """A number is met by an equal one, whole or not: in JSON 3 and 3.0 are the same. A list is met by one of it."""
    if isinstance(value, list | tuple):
        texts = tuple(one for one in value if isinstance(one, str))
        return AnyOf(field, texts or tuple(one for one in value if isinstance(one, int)))
    if isinstance(value, str | bool):
        return Equals(field, value)
    return Range(field, gte=value, lte=value)
