"""Waiting for a condition with a deadline: what tests do instead of sleeping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

T = TypeVar("T")
PAUSE_S = 0.02


async def until(condition: Callable[[], bool | Awaitable[bool]], *, deadline_s: float = 30.0) -> None:
    """Look at `condition` until it holds; fails with its source after `deadline_s`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while True:
        holds = condition()
        if inspect.isawaitable(holds):
            holds = await holds
        if holds:
            return
        if loop.time() > end:
            raise AssertionError(f"not within {deadline_s} s: {inspect.getsource(condition).strip()}")
        await asyncio.sleep(PAUSE_S)


async def until_passes(check: Callable[[], Awaitable[T]], *, deadline_s: float = 30.0) -> T:
    """What `check` returns once none of its assertions fails; after `deadline_s` fails with the last one."""
    patient = AsyncRetrying(
        retry=retry_if_exception_type(AssertionError),
        stop=stop_after_delay(deadline_s),
        wait=wait_fixed(PAUSE_S),
        reraise=True,
    )
    return await patient(check)
