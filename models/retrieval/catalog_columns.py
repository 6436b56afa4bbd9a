"""What the catalog says of items, by slot: what filters and categories ask."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.retrieval.columns import Column
from models.retrieval.keywords import Keywords
from models.retrieval.sources import MOST_LABELS

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

CATEGORY, TAGS, ATTRIBUTES = "category", "tags", "attributes"
PRICE, AVAILABLE, PUBLISHED = "price", "available", "published_at"
_NO_LABEL = -1


class CatalogFacts(NamedTuple):
    """What filters and categories need of an item's entry; `labels`: its categories (`sources.labels`).

    `price` and `published_at` (epoch ms) are NaN where the catalog names none.
    """

    labels: tuple[str, ...] = ()
    category: str | None = None
    tags: Sequence[str] = ()
    price: float = nan
    available: bool = True
    published_at: float = nan
    attributes: Mapping[str, Any] = {}


class CatalogColumns:
    """Facts by slot; `known`: the catalog has the item.

    >>> columns = CatalogColumns()
    >>> columns.put(1, CatalogFacts(labels=("Crime",), category="Crime", price=5.0))
    >>> columns.having("category", "Crime", 2).tolist(), columns.number("price", 2).tolist()
    ([False, True], [nan, 5.0])
    """

    def __init__(self) -> None:
        self._known = Column(np.bool_, fill=False)
        self._available = Column(np.bool_, fill=False)
        self._numbers = {PRICE: Column(np.float64, fill=nan), PUBLISHED: Column(np.float64, fill=nan)}
        self._labels = Column(np.int32, fill=0, shape=(MOST_LABELS,))
        self._label_codes: dict[str, int] = {}
        self._label_names = [""]
        self._categories = Column(np.int32, fill=0)
        self._keywords = {TAGS: Keywords(), ATTRIBUTES: Keywords()}

    def put(self, slot: int, facts: CatalogFacts) -> None:
        """Take an item's entry."""
        self._known.put(slot, True)
        self._available.put(slot, facts.available)
        self._numbers[PRICE].put(slot, facts.price)
        self._numbers[PUBLISHED].put(slot, facts.published_at)
        self._labels.put(slot, self._coded(facts.labels))
        self._categories.put(slot, 0 if facts.category is None else self._code(facts.category))
        self._keywords[TAGS].put(slot, facts.tags)
        self._keywords[ATTRIBUTES].put(slot, _attribute_values(facts.attributes))

    def clear(self, slot: int) -> None:
        """The catalog does not have the item any more."""
        for column in (self._known, self._available, self._labels, self._categories, *self._numbers.values()):
            column.clear(slot)
        for keywords in self._keywords.values():
            keywords.clear(slot)

    def known(self, count: int) -> Mask:
        """Whether the catalog has each of the first `count` slots' items, bool (count,)."""
        return self._known.first(count)

    def available(self, count: int) -> Mask:
        """Whether each may be shown by default, bool (count,); no item that the catalog lacks is."""
        return self._available.first(count)

    def number(self, field: str, count: int) -> Floats:
        """`price` or `published_at` by slot, float64 (count,), NaN where there is none."""
        return self._numbers[field].first(count)

    def having(self, field: str, value: Hashable, count: int) -> Mask:
        """Which items have a category or tag, or of `attributes` an `attribute_value`, bool (count,)."""
        if field == CATEGORY:
            found: Mask = self._categories.first(count) == self._label_codes.get(str(value), _NO_LABEL)
            return found
        return self._keywords[field].having(value, count)

    def categories(self, slots: NDArray[np.intp], count: int) -> list[str | None]:
        """The category of each of `slots`, None without one."""
        return [self._label_names[code] or None for code in self._categories.first(count)[slots].tolist()]

    def labels(self, slot: int, count: int) -> tuple[str, ...]:
        """The categories under which an item is popular."""
        return tuple(self._label_names[code] for code in self._labels.first(count)[slot].tolist() if code)

    def labelled(self, label: str, count: int) -> Mask:
        """Which items are popular under this category, bool (count,)."""
        code = self._label_codes.get(label)
        return np.zeros(count, dtype=np.bool_) if code is None else (self._labels.first(count) == code).any(axis=1)

    def affinity(self, slots: NDArray[np.intp], affinity: Mapping[str, float], count: int) -> Floats:
        """A user's affinity to each of `slots`: the mean over the item's categories, 0 without one, float64 (n,)."""
        weights = np.zeros(len(self._label_names))
        for name, weight in affinity.items():
            if (code := self._label_codes.get(name)) is not None:
                weights[code] = weight
        codes = self._labels.first(count)[slots]
        liked: Floats = weights[codes].sum(axis=1) / np.maximum((codes > 0).sum(axis=1), 1)
        return liked

    def any_label(self, slots: NDArray[np.intp], labels: Iterable[str], count: int) -> Mask:
        """Which of `slots` are of one of these categories, bool (n,)."""
        wanted = [code for label in labels if (code := self._label_codes.get(label)) is not None]
        found: Mask = np.logical_or.reduce(np.isin(self._labels.first(count)[slots], wanted), axis=1)
        return found

    def _coded(self, labels: tuple[str, ...]) -> NDArray[np.int32]:
        """Codes of categories, from 1; 0 fills the row."""
        row = np.zeros(MOST_LABELS, dtype=np.int32)
        for position, label in enumerate(labels[:MOST_LABELS]):
            row[position] = self._code(label)
        return row

    def _code(self, label: str) -> int:
        code = self._label_codes.get(label)
        if code is None:
            code = self._label_codes[label] = len(self._label_names)
            self._label_names.append(label)
        return code


def attribute_value(name: str, value: str | float) -> tuple[str, str, str | float]:
    """What stands for an attribute's value. Text and whole numbers equal their own kind only; truth values are 1 and 0.

    >>> attribute_value("stock", True) == attribute_value("stock", 1) != attribute_value("stock", 1.0)
    True
    """
    if isinstance(value, str):
        return name, "text", value
    return (name, "whole", int(value)) if isinstance(value, int) else attribute_number(name, value)


def attribute_number(name: str, value: float) -> tuple[str, str, float]:
    """What stands for a number, whole or not: every number is found by it as well.

    >>> attribute_number("stock", 1) == attribute_number("stock", 1.0)
    True
    """
    return name, "number", float(value)


def _attribute_values(attributes: Mapping[str, Any]) -> set[Hashable]:
    found: set[Hashable] = set()
    for name, value in attributes.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, str | int | float):
                found.add(attribute_value(name, one))
            if isinstance(one, int | float):
                found.add(attribute_number(name, one))
    return found
