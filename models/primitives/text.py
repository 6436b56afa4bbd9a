"""Items as vectors of the words that describe them: hashed, so there is no vocabulary to agree on."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import item_key

Vector = NDArray[np.float32]

TEXT_DIM = 256
"""Dimensions: fewer make unrelated words collide, more cost search time and memory in proportion."""

_WORD = re.compile(r"\w+")
_TITLE, _LABEL, _DESCRIPTION = 1.0, 2.0, 0.5


@dataclass(frozen=True, slots=True)
class ItemText:
    """What describes an item; every field may be empty."""

    title: str = ""
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


def embed_item(item: ItemText, dim: int = TEXT_DIM) -> Vector:
    """Hashed term weights of an item, float32 (dim,), of unit length; zeros when nothing describes it.

    A term's weight is 1 + ln(its frequency, by field: labels count 2, title words 1, description words ½);
    it goes to dimension hash(term) with sign ±1, so that collisions cancel on average: "Feature hashing for
    large scale multitask learning", Weinberger et al. 2009. Rarity is applied when asking (`Rarity`).

    >>> drama = embed_item(ItemText(title="Heat", tags=("Crime",)))
    >>> noir = embed_item(ItemText(title="Laura", tags=("Crime",)))
    >>> farce = embed_item(ItemText(title="Airplane", tags=("Comedy",)))
    >>> bool(drama @ noir > drama @ farce)
    True
    """
    vector = np.zeros(dim, dtype=np.float32)
    for term, frequency in _terms(item).items():
        key = item_key(term)
        weight = 1.0 + math.log(frequency) if frequency > 1.0 else frequency
        vector[key % dim] += weight if key >> 63 else -weight
    return unit(vector)


def embed_query(text: str, dim: int = TEXT_DIM) -> Vector:
    """What is searched for, float32 (dim,) of unit length: its words may be of a title, or labels.

    >>> crime = embed_query("crime")
    >>> bool(crime @ embed_item(ItemText(tags=("Crime",))) > 0.9)
    True
    """
    words = _words(text)
    return embed_item(ItemText(title=text, tags=tuple(dict.fromkeys([" ".join(words), *words]))), dim)


def unit(vector: Vector) -> Vector:
    """The vector at length 1; one without direction stays zero.

    >>> unit(np.array([3, 4], dtype=np.float32)).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length > 0.0 else vector


class Rarity:
    """Counts in how many items each dimension is used, and turns queries towards what few items have.

    idf[d] = ln((1 + items) / (1 + items that use d)) + 1 (Spärck Jones 1972). Stored vectors never change,
    so the order of arrival does not matter; `revert_one` takes an item out again. Learning an item twice
    counts it twice: revert the old vector first.

    >>> rarity = Rarity(dim=2)
    >>> for _ in range(3): rarity.learn_one(np.array([1, 0], dtype=np.float32))
    >>> rarity.learn_one(np.array([0, 1], dtype=np.float32))
    >>> query = rarity.turn(np.array([0.7, 0.7], dtype=np.float32))
    >>> bool(query[1] > query[0])
    True
    """

    def __init__(self, dim: int = TEXT_DIM) -> None:
        self.dim = dim
        self._items = 0
        self._used = np.zeros(dim, dtype=np.int64)

    def learn_one(self, vector: Vector) -> None:
        """Count an item's vector, float32 (dim,)."""
        self._items += 1
        self._used += vector != 0

    def revert_one(self, vector: Vector) -> None:
        """Take an item's vector out of the counts."""
        self._items -= 1
        self._used -= vector != 0

    def turn(self, query: Vector) -> Vector:
        """The query for stored vectors, float32 (dim,), unit length: the rarer a dimension, the more it says."""
        idf = np.log((1.0 + self._items) / (1.0 + self._used)) + 1.0
        return unit((query * idf).astype(np.float32))


def _terms(item: ItemText) -> Counter[str]:
    terms: Counter[str] = Counter()
    _count(terms, _words(item.title), _TITLE)
    _count(terms, _words(item.description), _DESCRIPTION)
    labels = [label.casefold() for label in (item.category, *item.tags) if label]
    _count(terms, (f"label:{label}" for label in labels), _LABEL)
    _count(terms, (word for label in labels for word in _words(label)), _TITLE)
    _count(terms, (f"{name}={value}".casefold() for name, value in item.attributes.items()), _TITLE)
    return terms


def _count(terms: Counter[str], found: Iterable[str], worth: float) -> None:
    for term in found:
        terms[term] += worth  # type: ignore[assignment]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
