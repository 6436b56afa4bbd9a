"""The scale of a system's ratings, and what a rating on it is in stars: the worker itself knows only stars."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.errors import BadRecordError
from workers.records.codes import Reason

LEAST_STARS, MOST_STARS = 0.5, 5.0
ONE_STAR = 1.0
MAX_END = 1e6
DECIMALS = 9  # of stars: floating point must lead neither past an end nor beside a half star
SETTING = "TASTESTREAM_RATING_SCALE"

_RANGE = re.compile(r"(-?\d{1,7}(?:\.\d{1,6})?) *(?:\.\.|-|–|/|to) *(-?\d{1,7}(?:\.\d{1,6})?)", re.ASCII)
_WORDS: Mapping[str, float] = {"up": 1.0, "like": 1.0, "down": -1.0, "dislike": -1.0}


class Stars(float):
    """A value that is stars already, whatever the scale: of a system that has a scale of its own."""


@dataclass(frozen=True, slots=True)
class RatingScale:
    """Ratings from `low` to `high`, both included; `named_by`: where the scale comes from, for messages.

    `words`: whether up, down, like, dislike, true and false stand for the ends.
    """

    low: float = LEAST_STARS
    high: float = MOST_STARS
    words: bool = False
    named_by: str = field(default=SETTING, compare=False)
    least: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """`least`: what `low` is in stars."""
        is_stars = self.high == MOST_STARS and LEAST_STARS <= self.low <= ONE_STAR
        least = self.low if is_stars else ONE_STAR if self.low < 0 else LEAST_STARS
        object.__setattr__(self, "least", least)

    def stars(self, value: float) -> float:
        """The rating in stars; raises `BadRecordError` for one outside the scale.

        A scale that begins at 0.5 to 1 and ends at 5 is stars already. One that begins below zero lies on 1 to 5,
        so that its middle is 3, neutral; any other one on 0.5 to 5, so that 7 of 1 to 10 is 3.5.

        >>> RatingScale(1, 10).stars(7), RatingScale(0, 100).stars(100), RatingScale(-1, 1).stars(0)
        (3.5, 5.0, 3.0)
        >>> RatingScale(0.5, 5).stars(3.5), RatingScale(1, 5).stars(3.0)
        (3.5, 3.0)
        """
        if not self.low <= value <= self.high:
            raise BadRecordError(
                Reason.OUT_OF_RANGE,
                f"the rating {value:g} is outside {self}, the scale of {self.named_by}",
            )
        if self.least == self.low and self.high == MOST_STARS:
            return value
        stars = self.least + (value - self.low) * (MOST_STARS - self.least) / (self.high - self.low)
        return round(stars, DECIMALS)

    def rating(self, stars: float) -> float:
        """The rating on this scale that is so many stars.

        >>> RatingScale(1, 10).rating(4.0), STARS.rating(4.0)
        (8.0, 4.0)
        """
        return self.low + (stars - self.least) * (self.high - self.low) / (MOST_STARS - self.least)

    def number(self, value: object) -> object:
        """What a word or a truth value stands for, if this scale has them; anything else as it is."""
        if not self.words:
            return value
        if isinstance(value, bool):
            return self.high if value else self.low
        return _WORDS.get(value.strip().lower(), value) if isinstance(value, str) else value

    @property
    def text(self) -> str:
        """What `rating_scale` reads."""
        return "thumbs" if self.words else f"{_plain(self.low)}..{_plain(self.high)}"

    def __str__(self) -> str:
        return f"{_plain(self.low)} to {_plain(self.high)}"


STARS = RatingScale()
NAMED: Mapping[str, RatingScale] = {
    "stars": STARS,
    "percent": RatingScale(0.0, 100.0),
    "thumbs": RatingScale(-1.0, 1.0, words=True),
}


def rating_scale(text: str, named_by: str = SETTING) -> RatingScale:
    """Read `1-10`, `-1..1`, `0/1`, `0 to 100`, or a name; raises `ValueError` that says what is taken.

    >>> str(rating_scale("1-10")), str(rating_scale("-1..1")), str(rating_scale("percent"))
    ('1 to 10', '-1 to 1', '0 to 100')
    """
    wanted = text.strip().lower().replace("−", "-")
    if wanted in NAMED:
        known = NAMED[wanted]
        return RatingScale(known.low, known.high, known.words, named_by)
    ends = _RANGE.fullmatch(wanted)
    if ends is None:
        raise ValueError(f"{text[:64]!r} is no scale: write its ends, as in 1-10 or -1..1, or {', '.join(NAMED)}")
    low, high = float(ends[1]), float(ends[2])
    if not -MAX_END <= low < high <= MAX_END:
        raise ValueError(f"{text[:64]!r} is no scale: the first end must be below the second, both within a million")
    return RatingScale(low, high, named_by=named_by)


def _plain(end: float) -> str:
    return f"{end:.6f}".rstrip("0").rstrip(".")
