"""Which items meet a condition, all at once: `workers.index.filters.matches`, over the columns of the item table."""

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from models.retrieval.catalog_columns import (
    ATTRIBUTES,
    AVAILABLE,
    CATEGORY,
    PRICE,
    PUBLISHED,
    TAGS,
    attribute_number,
    attribute_value,
)
from models.retrieval.item_table import ItemTable
from workers.index.filters import All, AnyOf, Condition, Equals, ExcludeIds, Not, OnlyIds, Range, Scalar
from workers.recommend.conditions import MEAN_RATING

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_ATTRIBUTE = f"{ATTRIBUTES}."


def all_met(conditions: Iterable[Condition], table: ItemTable) -> Mask:
    """Which items of the catalog meet all conditions, bool (items,)."""
    found = table.catalog.known(len(table)).copy()
    for condition in conditions:
        found &= met(condition, table)
    return found


def met(condition: Condition, table: ItemTable) -> Mask:
    """Which slots meet the condition, bool (items,); those of no item of the catalog may be either.

    Of attributes a Range must ask for one number, as filters do (ValueError).
    """
    match condition:
        case Equals(field, value):
            return _having(field, (value,), table)
        case AnyOf(field, values):
            return _having(field, values, table)
        case Range(field):
            return _within(condition, field, table)
        case ExcludeIds(item_ids):
            return ~_named(item_ids, table)
        case OnlyIds(item_ids):
            return _named(item_ids, table)
        case Not(inner):
            return ~met(inner, table)
        case All(conditions):
            return all_met(conditions, table)


def _having(field: str, values: Iterable[Scalar], table: ItemTable) -> Mask:
    count = len(table)
    found = np.zeros(count, dtype=np.bool_)
    if field == AVAILABLE:
        for value in values:
            if value in (0, 1):
                found |= table.catalog.available(count) == bool(value)
        return found
    for value in values:
        if (keyword := _keyword(field, value)) is not None:
            found |= table.catalog.having(*keyword, count)
    return found


def _keyword(field: str, value: Scalar) -> tuple[str, Hashable] | None:
    """The keywords that a field is one of, and what stands there for a value; None for what no item has there."""
    if field.startswith(_ATTRIBUTE):
        return ATTRIBUTES, attribute_value(field.removeprefix(_ATTRIBUTE), value)
    return (field, value) if field in (CATEGORY, TAGS) and isinstance(value, str) else None


def _within(bounds: Range, field: str, table: ItemTable) -> Mask:
    if field.startswith(_ATTRIBUTE):
        if bounds.gte is None or bounds.gte != bounds.lte:
            raise ValueError(f"{bounds}: of an attribute ask for one number, as gte and lte")
        return table.catalog.having(
            ATTRIBUTES, attribute_number(field.removeprefix(_ATTRIBUTE), bounds.gte), len(table)
        )
    values = _numbers(field, table)
    found = ~np.isnan(values)
    if bounds.gte is not None:
        found &= values >= bounds.gte
    if bounds.gt is not None:
        found &= values > bounds.gt
    if bounds.lte is not None:
        found &= values <= bounds.lte
    if bounds.lt is not None:
        found &= values < bounds.lt
    return found


def _numbers(field: str, table: ItemTable) -> Floats:
    """A field's number by slot, NaN where an item has none."""
    count = len(table)
    if field == MEAN_RATING:
        return table.use.ratings(count)
    return table.catalog.number(field, count) if field in (PRICE, PUBLISHED) else np.full(count, np.nan)


def _named(item_ids: Iterable[str], table: ItemTable) -> Mask:
    found = np.zeros(len(table), dtype=np.bool_)
    found[table.slots.found(item_ids)] = True
    return found
