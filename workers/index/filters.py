"""Conditions on items, and what they mean: `matches` is the reference that every back end agrees with.

A field is a payload key, or a dotted path into nested objects (`attributes.colour`). A list meets a condition
when one of its elements does. Integers, floats and texts never equal each other; None and absent fields meet
nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Scalar = str | int
"""What can be compared for equality; True and False mean 1 and 0, as the index stores them."""


@dataclass(frozen=True, slots=True)
class Equals:
    """The field is `value`; for floats use Range."""

    field: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The field is one of `values`, all texts or all integers; none of an empty tuple."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The field is a number within all bounds that are given."""

    field: str
    gte: float | None = None
    gt: float | None = None
    lte: float | None = None
    lt: float | None = None


@dataclass(frozen=True, slots=True)
class ExcludeIds:
    """The item is none of these (at most 10,000)."""

    item_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class OnlyIds:
    """The item is one of these (at most 10,000)."""

    item_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Not:
    """The condition is not met, also because the field is absent."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    """All of the conditions are met; inside of Not, where the list of a query's conditions does not reach."""

    conditions: "tuple[Condition, ...]"


Condition = Equals | AnyOf | Range | ExcludeIds | OnlyIds | Not | All


def matches(condition: Condition, item_id: str, payload: Mapping[str, Any]) -> bool:
    """Whether an item with this payload meets the condition.

    >>> matches(Equals("tags", "noir"), "i1", {"tags": ["noir", "crime"]})
    True
    >>> matches(Not(Range("price", lt=10)), "i1", {})
    True
    """
    match condition:
        case Equals(field, value):
            return any(_same(found, value) for found in _values(payload, field))
        case AnyOf(field, values):
            return any(_same(found, value) for found in _values(payload, field) for value in values)
        case Range(field):
            return any(_within(condition, found) for found in _values(payload, field))
        case ExcludeIds(item_ids):
            return item_id not in item_ids
        case OnlyIds(item_ids):
            return item_id in item_ids
        case Not(inner):
            return not matches(inner, item_id, payload)
        case All(conditions):
            return all(matches(inner, item_id, payload) for inner in conditions)


def plain(value: Scalar) -> Scalar:
    """Return the value as the index stores it: True and False as 1 and 0."""
    return int(value) if isinstance(value, bool) else value


def _values(payload: Mapping[str, Any], field: str) -> list[Any]:
    found: Any = payload
    for key in field.split("."):
        if not isinstance(found, Mapping) or key not in found:
            return []
        found = found[key]
    return found if isinstance(found, list) else [found]


def _same(found: Any, wanted: Scalar) -> bool:
    wanted = plain(wanted)
    return type(found) is type(wanted) and bool(found == wanted)


def _within(bounds: Range, found: Any) -> bool:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    return (
        (bounds.gte is None or found >= bounds.gte)
        and (bounds.gt is None or found > bounds.gt)
        and (bounds.lte is None or found <= bounds.lte)
        and (bounds.lt is None or found < bounds.lt)
    )
