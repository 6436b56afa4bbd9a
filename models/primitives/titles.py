"""How well an item's title matches a searched text: the whole of it, one of its names, or all words (no index)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from models.primitives.tokens import fold, runs, words

NAMES_BOUND = 6
"""Names kept of one title: itself, without what stands in brackets, and what stands there, each with and without its
article."""

TITLE_WORDS_BOUND = 96
"""Words kept of one title: longer ones are descriptions."""

_CACHED_TITLES = 4_096
"""Titles of which is known what they match: about 1 KB each; a new one costs 20 µs."""

_YEAR = re.compile(r"[(\[（](\d{4})(?:\s*[-–]\s*(?:\d{2,4})?)?[)\]）]\s*$")
_BRACKETS = re.compile(r"[(\[（]([^()\[\]（）]*)[)\]）]")
_ALIAS = re.compile(r"^\s*a\.?k\.?a\.?\s+", re.IGNORECASE)
_ENGLISH, _ROMANCE = {"the", "a", "an"}, {"le", "la", "les", "l", "el", "los", "las", "il", "gli", "un", "une", "una"}
_ARTICLES = _ENGLISH | _ROMANCE | {"der", "das", "ein", "eine", "het"}
# Words that are articles where they stand behind a comma ("Welle, Die"), and in front mostly are not ("Die Hard").
_BEHIND_COMMA = _ARTICLES | {"die", "de", "den", "det", "lo", "i", "o", "os", "as"}


class Match(IntEnum):
    """How well a title matches; higher is better."""

    NONE = 0
    WORDS = 1
    """All words asked for are words of the title."""
    NAME = 2
    """The text is one of the title's names: without its article, without what is in brackets, or that alone."""
    TITLE = 3
    """The text is the title; a year in brackets says nothing where the other has none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A searched text, made by `wanted`: what titles are compared with; `bare` is without its article."""

    key: str
    bare: str
    year: str
    words: frozenset[str]


def wanted(text: str) -> Wanted:
    """The text as titles are compared with it."""
    name, year = _without_year(text)
    key, bare = _keys(name)
    return Wanted(key, bare, year, frozenset(words(text)))


def match(asked: Wanted, title: str) -> Match:
    """How well `title` matches.

    >>> asked = wanted("the matrix")
    >>> [match(asked, title).name for title in ("Matrix, The (1999)", "The Matrix", "Matrix", "The Matrix Reloaded")]
    ['TITLE', 'TITLE', 'NAME', 'WORDS']
    """
    own = known(title)
    if asked.key and asked.key == own.key and (own.year == asked.year or not (own.year and asked.year)):
        return Match.TITLE
    if asked.key in own.names or asked.bare in own.names:
        return Match.NAME
    return Match.WORDS if asked.words and asked.words <= own.words else Match.NONE


@dataclass(frozen=True, slots=True)
class Known:
    """A title as texts are compared with it, made by `known`."""

    key: str
    year: str
    names: frozenset[str]
    words: frozenset[str]


@lru_cache(maxsize=_CACHED_TITLES)
def known(title: str) -> Known:
    """The title, its year, names and words, as texts are compared with them."""
    name, year = _without_year(title)
    return Known(_keys(name)[0], year, frozenset(names(title)), frozenset(title_words(title)))


def names(title: str) -> list[str]:
    """What the title is also called, each as letters and digits in a row; at most `NAMES_BOUND`.

    >>> names("Seven, The (a.k.a. Se7en) (1995)")
    ['seventheakase7en', 'theseven', 'seven', 'se7en']
    """
    found = [key for name in _names(title) for key in _keys(name) if key]
    return list(dict.fromkeys(found))[:NAMES_BOUND]


def title_words(title: str) -> list[str]:
    """Distinct words by which a title may be asked for, at most `TITLE_WORDS_BOUND`; compounds also in one word.

    >>> title_words("Spider-Man: Schindler's List")
    ['spider', 'man', 'schindler', 's', 'list', 'spiderman', 'schindlers']
    """
    pieces = map(runs, fold(title).split())
    compounds = ["".join(piece) for piece in pieces if len(piece) > 1]
    return list(dict.fromkeys((*words(title, singles=True), *compounds)))[:TITLE_WORDS_BOUND]


def _names(title: str) -> Iterator[str]:
    name, _ = _without_year(title)
    yield name
    if "(" in name or "[" in name or "（" in name:
        yield _BRACKETS.sub(" ", name)
        for inside in _BRACKETS.findall(name):
            yield _ALIAS.sub("", inside)


def _keys(name: str) -> tuple[str, str]:
    """Letters and digits of the name in a row, its article in front, and the same without the article.

    >>> _keys("Avventura, L'"), _keys("In & Out")
    (('lavventura', 'avventura'), ('inandout', 'inandout'))
    """
    folded = fold(name).replace("&", " and ")
    found = runs(folded)
    before, comma, behind = folded.rpartition(",")
    last = runs(behind) if comma else []
    if len(last) == 1 and last[0] in _BEHIND_COMMA and (rest := runs(before)):
        return "".join((*last, *rest)), "".join(rest)
    bare = found[1:] if len(found) > 1 and found[0] in _ARTICLES else found
    return "".join(found), "".join(bare)


def _without_year(title: str) -> tuple[str, str]:
    """The title without a year in brackets at its end, and that year, empty without one."""
    found = _YEAR.search(title)
    return (title, "") if found is None or not found.start() else (title[: found.start()], found[1])
