"""A worker whose interactions agent is broken on purpose: `python -m tests.worker.stuck waits|blocks`."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from workers.agents import interactions
from workers.runtime.dependencies import Dependencies
from workers.runtime.folder import prepare_folder
from workers.runtime.run import run_worker
from workers.settings import load_settings
from workers.stream.chunk import Chunk


async def waits(chunk: Chunk, deps: Dependencies) -> None:
    """Waits for what never comes; everything else goes on."""
    await asyncio.Event().wait()


async def blocks(chunk: Chunk, deps: Dependencies) -> None:
    """Holds the event loop up."""
    time.sleep(3600)  # noqa: ASYNC251 - the very mistake


FAULTS: dict[str, Callable[[Chunk, Dependencies], Awaitable[None]]] = {"waits": waits, "blocks": blocks}

if __name__ == "__main__":
    interactions.handle = FAULTS[sys.argv[1]]  # type: ignore[assignment]
    settings = load_settings()
    prepare_folder(settings.data_path)
    raise SystemExit(run_worker(settings))
