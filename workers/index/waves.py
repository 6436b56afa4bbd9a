"""Work on a long sequence in runs, a few of them side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def runs(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence, in order, into runs of at most `size`.

    >>> list(runs("abcde", 2))
    ['ab', 'cd', 'e']
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]


async def in_waves(
    work: Callable[[Sequence[T]], Awaitable[R]], items: Sequence[T], size: int, *, side_by_side: int
) -> list[R]:
    """Work on runs of `size`, `side_by_side` at a time; return their results in order.

    After a failure no further wave begins. It is raised when all of its wave have come to their end: none may
    still be under way when the caller repeats.
    """
    results: list[R] = []
    for wave in runs(list(runs(items, size)), side_by_side):
        for done in await asyncio.gather(*map(work, wave), return_exceptions=True):
            if isinstance(done, BaseException):
                raise done
            results.append(done)
    return results
