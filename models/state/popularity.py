"""How popular something is when older touches count less, whatever the order in which they arrive."""

import math
import struct
from collections.abc import Sequence

from models.primitives.packing import Reader

_CLOCK = struct.Struct("<q")
_FAINTEST = 50
"""Half-lives after which what is left of a sum can't be distinguished from the rounding of what was taken back."""


class Popularity:
    """Decayed numbers of touches, one for each half-life, as of the newest touch.

    values[h] = Σ 2^(−(clock − its clock) / h): a late touch takes a smaller factor, so orders of arrival commute.
    Clocks and half-lives are in one unit, events or ms, clocks from 0 on.

    >>> likes = Popularity([10])
    >>> likes.add(5), likes.add(15), likes.values
    (None, None, [1.5])
    >>> likes.take_back(5, left=1), likes.values
    (None, [1.0])
    """

    __slots__ = ("_half_lives", "clock", "values")

    def __init__(self, half_lives: Sequence[int]) -> None:
        self._half_lives = half_lives
        self.values = [0.0] * len(half_lives)
        self.clock = 0

    def add(self, clock: int) -> None:
        """Count a touch at `clock`."""
        ahead = clock - self.clock
        for position, half_life in enumerate(self._half_lives):
            if ahead > 0:
                self.values[position] = self.values[position] * math.exp2(-ahead / half_life) + 1.0
            else:
                self.values[position] += math.exp2(ahead / half_life)
        self.clock = max(self.clock, clock)

    def take_back(self, clock: int, left: int) -> None:
        """Take out a touch that was counted at `clock`; `left`: how many remain.

        Exact to 2^-50 of a touch at the newest clock ever counted; what remains is never below the least
        that it can be, a touch at clock 0.
        """
        if left <= 0:
            self.values, self.clock = [0.0] * len(self._half_lives), 0
            return
        for position, half_life in enumerate(self._half_lives):
            least = math.exp2(-min(self.clock / half_life, _FAINTEST))
            self.values[position] = max(
                self.values[position] - math.exp2(min(0, clock - self.clock) / half_life), least
            )

    def order_scores(self) -> tuple[float, ...]:
        """Per half-life, 1 + log2(value) + clock / half-life: popularity's order at any time.

        Positive; the decayed popularity at clock c is 2^(score − 1 − c / half-life). 0 before the first touch.
        """
        return tuple(
            1.0 + math.log2(value) + self.clock / half_life if value else 0.0
            for value, half_life in zip(self.values, self._half_lives, strict=True)
        )

    def pack(self) -> bytes:
        """Clock, values."""
        return _CLOCK.pack(self.clock) + struct.pack(f"<{len(self.values)}d", *self.values)

    @classmethod
    def read(cls, reader: Reader, half_lives: Sequence[int]) -> "Popularity":
        """Read `pack`'s bytes; raises ValueError on truncated ones."""
        found = cls(half_lives)
        (found.clock,) = map(int, reader.fields(_CLOCK))
        found.values = list(map(float, reader.fields(struct.Struct(f"<{len(half_lives)}d"))))
        return found
