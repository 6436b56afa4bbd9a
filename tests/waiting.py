"""Waiting for a condition with a deadline: what tests do instead of sleeping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay

T = TypeVar("T")
# A poll costs CPU, often that of the process which is waited for: the longer a wait has lasted, the rarer they are.
# It ends at most a twentieth later than it could.
SHORTEST_S, LONGEST_S, SHARE = 0.02, 0.25, 0.05


def pause_s(waited_s: float) -> float:
    """Seconds until the next poll.

    >>> [pause_s(waited) for waited in (0.0, 1.0, 60.0)]
    [0.02, 0.05, 0.25]
    """
    return min(LONGEST_S, max(SHORTEST_S, SHARE * waited_s))


async def until(condition: Callable[[], bool | Awaitable[bool]], *, deadline_s: float = 30.0) -> None:
    """Poll `condition` until it holds; fails with its source after `deadline_s`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        holds = condition()
        if inspect.isawaitable(holds):
            holds = await holds
        if holds:
            return
        waited_s = loop.time() - began
        if waited_s > deadline_s:
            raise AssertionError(f"not within {deadline_s} s: {inspect.getsource(condition).strip()}")
        await asyncio.sleep(pause_s(waited_s))


async def until_passes(check: Callable[[], Awaitable[T]], *, deadline_s: float = 30.0) -> T:
    """What `check` returns once none of its assertions fails; after `deadline_s` fails with the last one."""
    patient = AsyncRetrying(
        retry=retry_if_exception_type(AssertionError),
        stop=stop_after_delay(deadline_s),
        wait=_pause_s,
        reraise=True,
    )
    return await patient(check)


def _pause_s(state: RetryCallState) -> float:
    return pause_s(state.seconds_since_start or 0.0)
