"""Items by the words that describe them, letter for letter: what a search for a name or a number finds."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import sparse_index
from models.primitives.sparse import SparseVector
from models.primitives.text import ItemText
from models.primitives.titles import TITLE_WORDS_BOUND, Match, known, match, names, title_words, wanted
from models.primitives.tokens import is_unspaced, words

WORDS_BOUND = 192
"""Words kept of one item: of a long description those that come often, of everything else all."""

PARTS_BOUND = 256
"""Threes of letters kept of one title, or asked for: 40 words."""

_SATURATION = 1.2
_LENGTH_SHARE = 0.75
_TITLE, _LABELS, _DESCRIPTION = (3.0, 4.0), (2.0, 6.0), (1.0, 60.0)
"""Worth and usual number of words of each field; fixed, so that a row never depends on other items."""
_PART_WORTH = 0.2
"""Weight of three letters in a row against that of a word: typos and beginnings are found below whole words."""
_QUERY_WORDS = 32

# A word of the title is at least so much worth to who asks for titles; the rest falls to short ones.
_LEAST_TITLE_WORD = 0.95
# What the index holds of a title beside its words: each of its names, and its words apart from those of other fields.
# Neither can be a word by itself.
_NAME, _IN_TITLE = "=", "title:"


def word_row(item_id: str, text: ItemText) -> SparseVector:
    """What an item is found by: its words, the letters of its title in threes, and its own number at 1.

    A word's value is f / (1.2 + f), where f sums its frequency over the fields, each times the field's worth and
    divided by 0.25 + 0.75 · length / usual length: BM25F's saturation (Robertson & Zaragoza 2009) with fixed
    lengths. How rare a word is is said when asking. The title's names and words have entries of their own, for
    `SearchedText`. The item's number is its `sparse_index`: a row of counts over items, asked of these rows, finds
    exactly those items.

    >>> row = word_row("i1", ItemText(title="The Godfather", tags=("Crime",)))
    >>> row.dot(word_query("godfather", lambda index: 1.0)) > row.dot(word_query("godfath", lambda index: 1.0)) > 0.3
    True
    """
    title = words(text.title, singles=True)
    labels = [word for label in (text.category, *text.tags) for word in words(label, singles=True)]
    found: Counter[str] = Counter()
    for (worth, usual), listed in ((_TITLE, title), (_LABELS, labels), (_DESCRIPTION, words(text.description))):
        amount = worth / (1.0 - _LENGTH_SHARE + _LENGTH_SHARE * len(listed) / usual)
        for word in listed:
            found[word] += amount  # type: ignore[assignment]
    values = {_index(part): _PART_WORTH for part in _parts(title)}
    values |= {_index(word): often / (_SATURATION + often) for word, often in found.most_common(WORDS_BOUND)}
    return SparseVector.of(values | _title_row(text.title) | {sparse_index(item_id): 1.0})


def _title_row(title: str) -> dict[int, float]:
    named = {_index(_NAME + name): 1.0 for name in names(title)}
    listed = title_words(title)
    return named | {_index(_IN_TITLE + word): _title_word(len(listed)) for word in listed}


def _title_word(listed: int) -> float:
    """What one word of a title of so many is worth: short titles come first."""
    return _LEAST_TITLE_WORD + (1.0 - _LEAST_TITLE_WORD) / max(1, listed)


def word_query(text: str, idf_of: Callable[[int], float]) -> SparseVector:
    """Ask rows of words for `text`, at most its first 32 words; it may also be an item's id.

    `idf_of(index)`: how much an entry says, as `WordRarity.idf_of`.
    """
    asked = list(dict.fromkeys(words(text)))[:_QUERY_WORDS]
    entries = {_index(term): idf_of(_index(term)) for term in (*asked, *_parts(asked))}
    own = sparse_index(text.strip())
    return SparseVector.of(entries | {own: idf_of(own)})


class SearchedText:
    """A text as one query over rows of words: for words anywhere, and for titles that `match`.

    `vector` adds both up, so that the titles come first: all words of the title weigh as much as one of its names.
    `apart` takes the sum apart again.

    >>> text = SearchedText("heat", lambda index: 1.0)
    >>> row = word_row("i1", ItemText(title="Heat"))
    >>> match_, rest = text.apart(row.dot(text.vector), "Heat")
    >>> match_.name, round(rest - row.dot(word_query("heat", lambda index: 1.0)), 5)
    ('TITLE', 0.0)
    """

    def __init__(self, text: str, idf_of: Callable[[int], float]) -> None:
        """`idf_of(index)`: how much an entry says, as `WordRarity.idf_of`."""
        self.asked = wanted(text)
        self._weights = {
            word: idf_of(_index(_IN_TITLE + word)) for word in sorted(self.asked.words)[:TITLE_WORDS_BOUND]
        }
        self._name_weight = _LEAST_TITLE_WORD * sum(self._weights.values()) + 1.0
        self._names = {name for name in (self.asked.key, self.asked.bare) if name}
        titles = {_index(_IN_TITLE + word): weight for word, weight in self._weights.items()}
        titles |= {_index(_NAME + name): self._name_weight for name in self._names}
        anywhere = word_query(text, idf_of)
        found = dict(zip(anywhere.indices.tolist(), anywhere.values.tolist(), strict=True))
        self.vector = SparseVector.of({**found, **{index: found.get(index, 0.0) + titles[index] for index in titles}})

    def apart(self, score: float, title: str) -> tuple[Match, float]:
        """How well an item's title matches, and what words anywhere have of the item's `score` by `vector`."""
        own = known(title)
        value = _title_word(len(own.words))
        in_title = value * sum(weight for word, weight in self._weights.items() if word in own.words)
        named = self._name_weight * sum(name in own.names for name in self._names)
        return match(self.asked, title), max(0.0, score - in_title - named)


class WordRarity:
    """Counts how many items have each entry of their rows of words; `revert_one` takes an item out again.

    >>> rarity = WordRarity()
    >>> rarity.learn_one(np.array([3, 7], dtype=np.uint32)), rarity.learn_one(np.array([7], dtype=np.uint32))
    (None, None)
    >>> rarity.idf_of(3) > rarity.idf_of(7) == 1.0
    True
    """

    def __init__(self) -> None:
        self._items = 0
        self._having: Counter[int] = Counter()

    def learn_one(self, indices: NDArray[np.uint32]) -> None:
        """Count the entries of an item's row, uint32 (n,), each once."""
        self._items += 1
        self._having.update(indices.tolist())

    def revert_one(self, indices: NDArray[np.uint32]) -> None:
        """Take an item's entries out of the counts."""
        self._items -= 1
        for index in indices.tolist():
            self._having[index] -= 1
            if self._having[index] <= 0:
                del self._having[index]

    def idf_of(self, index: int) -> float:
        """ln((1 + items) / (1 + items that have the entry)) + 1 (Spärck Jones 1972)."""
        return math.log((1.0 + self._items) / (1.0 + self._having.get(index, 0))) + 1.0


def _parts(listed: Iterable[str]) -> Iterator[str]:
    """Three letters in a row of each word, its first two behind a blank; at most 256 in all.

    Words of scripts without spaces are parts themselves.

    >>> list(_parts(["heat", "千尋"]))
    [' he', 'hea', 'eat']
    """
    begun = (f" {word}" for word in listed if not is_unspaced(word))
    return islice((word[at : at + 3] for word in begun for at in range(max(1, len(word) - 2))), PARTS_BOUND)


def _index(term: str) -> int:
    """32 bits of a word or a part of one; four times as fast as the hash of ids, and as even."""
    return crc32(term.encode(errors="replace"))
