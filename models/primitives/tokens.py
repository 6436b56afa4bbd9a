"""Words of a text as search sees them: without case and accents, and in twos where a script has no spaces."""

import re
import unicodedata

# Scripts written without spaces between words (Thai, Lao, Myanmar, Khmer, Chinese, Japanese), and Korean, whose words
# carry their particles with them. Digits and punctuation of these blocks are left out.
_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u108f\u1780-\u17d3\u1100-\u11ff\u3005-\u3007"
    "\u3041-\u3096\u3099-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003fffd"
)
# Vowel signs and the like of Indian scripts, which `\w` does not take for parts of a word.
_SIGNS = "\u0900-\u0963\u0966-\u0dff"
_RUN = re.compile(rf"[{_UNSPACED}]+|(?:[^\W{_UNSPACED}]|[{_SIGNS}])+")
_FIRST_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_ASCII_RUN = re.compile(r"\w+")

# Letters that are letters of their own to Unicode and an accented or double one to who types without them.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)
# Combining classes of marks that a reader can do without: points of Hebrew and Arabic, accents of Latin and Greek. The
# others (voicing in kana, vowels and tones of Thai, …) make another letter.
_POINTS, _ACCENTS_FROM = range(10, 37), 200


def fold(text: str) -> str:
    """The text without case and accents.

    >>> fold("Amélie, STRASSE & Straße, Łódź, パリ")
    'amelie, strasse & strasse, lodz, パリ'
    """
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    kept = "".join(sign for sign in apart if not _is_accent(sign))
    return unicodedata.normalize("NFC", kept).casefold().translate(_PLAIN)


def runs(folded: str) -> list[str]:
    """Unbroken words of a text from `fold`; where scripts change a word ends.

    >>> runs("red heat: 東京2020")
    ['red', 'heat', '東京', '2020']
    """
    return (_ASCII_RUN if folded.isascii() else _RUN).findall(folded)


def is_unspaced(word: str) -> bool:
    """Whether a word, or a part of one, is of a script without spaces between words."""
    return not word.isascii() and _FIRST_UNSPACED.match(word) is not None


def words(text: str, *, singles: bool = False) -> list[str]:
    """Words of the text in their order; a run without spaces is cut into overlapping twos.

    `singles`: each sign of such a run by itself as well, as what is searched needs for a question of one sign.

    >>> words("Red Heat"), words("千と千尋"), words("雨"), words("雨月", singles=True)
    (['red', 'heat'], ['千と', 'と千', '千尋'], ['雨'], ['雨月', '雨', '月'])
    """
    found = runs(fold(text))
    if text.isascii():
        return found
    return [part for run in found for part in (_cut(run, singles) if is_unspaced(run) else (run,))]


def _cut(run: str, singles: bool) -> list[str]:
    if len(run) == 1:
        return [run]
    twos = [run[at : at + 2] for at in range(len(run) - 1)]
    return [*twos, *run] if singles else twos


def _is_accent(sign: str) -> bool:
    marked = unicodedata.combining(sign)
    return marked >= _ACCENTS_FROM or marked in _POINTS
