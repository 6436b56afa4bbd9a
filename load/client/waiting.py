"""Waiting for a condition, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from load.datasets.errors import LoadError

POLL_EVERY_S = 0.1


async def until(condition: Callable[[], bool | Awaitable[bool]], within_s: float, what: str) -> None:
    """Poll `condition` until it holds; raises LoadError after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        holds = condition()
        if not isinstance(holds, bool):
            holds = await holds
        if holds:
            return
        if time.monotonic() > deadline:
            raise LoadError(f"not within {within_s:.0f} s: {what}")
        await asyncio.sleep(POLL_EVERY_S)
