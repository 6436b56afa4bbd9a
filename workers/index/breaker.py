"""A circuit breaker: a server that does not answer costs one wait, not one for every request; no I/O."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workers.errors import DependencyError

Clock = Callable[[], float]


class Breaker:
    """Lets calls through until one goes unanswered; then refuses them for a pause, and lets one try after it.

    A trial that goes unanswered doubles the pause, up to the longest; any answer ends it. Calls that were
    under way when the first one failed change nothing by failing too.

    >>> now = [0.0]
    >>> breaker = Breaker("the server", lambda error: isinstance(error, TimeoutError), clock=lambda: now[0])
    >>> try:
    ...     with breaker.guard():
    ...         raise TimeoutError
    ... except TimeoutError:
    ...     breaker.is_open
    True
    """

    def __init__(
        self,
        name: str,
        unanswered: Callable[[Exception], bool],
        *,
        first_pause_s: float = 0.25,
        longest_pause_s: float = 4.0,
        clock: Clock = time.monotonic,
    ) -> None:
        """`unanswered` distinguishes an outage from an answer that happens to be an error."""
        self._name = name
        self._unanswered = unanswered
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._clock = clock
        self._pause_s = first_pause_s
        self._open_until: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether the last call known went unanswered."""
        return self._open_until is not None

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Make one call inside; raises DependencyError instead while calls are refused."""
        trial = self._admit()
        try:
            yield
        except Exception as error:
            if not self._unanswered(error):
                self._close()
            elif trial or not self.is_open:
                self._open()
            raise
        else:
            self._close()
        finally:
            # Also when the caller was cancelled: nothing was learned, and the next call is the trial.
            self._trying = self._trying and not trial

    def _admit(self) -> bool:
        """Whether this call is the trial."""
        if self._open_until is None:
            return False
        left_s = self._open_until - self._clock()
        if self._trying or left_s > 0:
            raise DependencyError(f"{self._name} did not answer just now and is not asked again yet")
        self._trying = True
        return True

    def _open(self) -> None:
        self._open_until = self._clock() + self._pause_s
        self._pause_s = min(self._pause_s * 2, self._longest_pause_s)

    def _close(self) -> None:
        self._open_until = None
        self._pause_s = self._first_pause_s
