"""What happens to clocks: a worker's own, and those of producers.

A worker's clock is Debian's libfaketime in front of the C library; the Makefile unpacks it beside the environment.
"""

import asyncio
import shutil
from pathlib import Path

from load.client.waiting import until
from load.datasets.dataset import PROJECT
from load.faults.scene import Scene

HOUR_S = 3_600
ALIVE_FOR_S = 2.0
UNPACKED = PROJECT / ".cache" / "faketime"


def faketime_library() -> Path | None:
    """The library, unpacked by `make faketime` or installed; None if it is nowhere."""
    command = shutil.which("faketime")
    roots = [UNPACKED, *([Path(command).parents[1]] if command else [])]
    return next((found for root in roots for found in sorted(root.rglob("libfaketimeMT.so.1"))), None)


def faketime_is_missing() -> str:
    """Why a worker's clock can't jump here."""
    return "" if faketime_library() else "needs libfaketime: `make faketime`"


async def worker_clock_jumps(scene: Scene) -> None:
    """The worker's own clock jumps an hour ahead, then two hours back, then to the right time."""
    [worker] = scene.workers
    scene.tap.by_arrival = True
    clock = scene.folder / "clock"
    clock.write_text("+0")
    library = faketime_library()
    async with scene.window():
        worker.discard()
        worker.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # as on a real machine, where only the wall clock is set
        }
        worker.start()
        await until(worker.ready, 60.0, f"ready (see {worker.log_file})")
    for shift_s in (HOUR_S, -HOUR_S, 0):
        async with scene.window():
            clock.write_text(f"{shift_s:+d}")
        await asyncio.sleep(ALIVE_FOR_S)
    if worker.ends:
        scene.problems.append(f"the worker ended with {worker.ends}")


async def producers_clocks_jump(scene: Scene) -> None:
    """Producers' clocks jump an hour ahead, then an hour back."""
    for shift_s in (HOUR_S, -HOUR_S, 0):
        async with scene.window():
            scene.traffic.shift_ms = shift_s * 1000
        await asyncio.sleep(ALIVE_FOR_S)
