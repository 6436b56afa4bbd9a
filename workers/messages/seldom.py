"""What may happen thousands of times a second is said once in a while (clock)."""

import time
from collections.abc import Callable


class Seldom:
    """Says when a line is due: at the first call, then at most once in `interval_s` seconds."""

    def __init__(self, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._next_s = float("-inf")
        self._left_out = 0

    def __call__(self) -> int | None:
        """How many calls passed in silence since the last line; None if this one is to be silent, too.

        >>> now = 0.0
        >>> due = Seldom(10.0, lambda: now)
        >>> due(), due(), due()
        (0, None, None)
        >>> now = 10.0
        >>> due()
        2
        """
        now = self._clock()
        if now < self._next_s:
            self._left_out += 1
            return None
        left_out, self._left_out, self._next_s = self._left_out, 0, now + self._interval_s
        return left_out
