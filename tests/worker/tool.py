"""The console command as a person runs it: a process with the environment of a worker (processes)."""

import asyncio
import os
from dataclasses import dataclass

from tests.worker.process import ENTRY, PROJECT, Worker
from workers.settings import PREFIX

TOOL_WITHIN_S = 60.0


@dataclass(frozen=True)
class Ran:
    """How a command ended, and all that it said."""

    code: int
    text: str


async def tastestream(worker: Worker, *arguments: str, typed: str = "") -> Ran:
    """Run `tastestream` with the worker's settings, `typed` on its standard input."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    own = {f"{PREFIX}{name.upper()}": str(value) for name, value in worker.settings.items()}
    process = await asyncio.create_subprocess_exec(
        *ENTRY[:-1],
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**inherited, **own, "PYTHONPATH": str(PROJECT), "COLUMNS": "250"},
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(typed.encode()), TOOL_WITHIN_S)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return Ran(process.returncode, said.decode())
