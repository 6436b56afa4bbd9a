"""Clients as processes: the examples of docs/clients.md as they stand there, and scripts of this folder (processes)."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/clients.md").read_text()
# Where Debian's package is unpacked when it is not installed.
UNPACKED = ROOT / ".cache/kcat"
WITHIN_S = 60.0
# The console script stands beside the Python that runs the tests.
WITH_TASTESTREAM = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def example(name: str, folder: Path) -> list[str]:
    """The command that runs an example of the page."""
    [(language, code)] = re.findall(rf"^```(\w+) {name}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    file = folder / f"{name}.{language}"
    file.write_text(code)
    return [{"python": sys.executable, "sh": "/bin/sh"}[language], str(file)]


def script(name: str) -> list[str]:
    """The command that runs a script of this folder."""
    return [sys.executable, "-m", f"tests.clients.{name}"]


def kcat_environment() -> dict[str, str]:
    """What finds kcat and its libraries; without it the test is reported as not run."""
    if shutil.which("kcat"):
        return {}
    if not (UNPACKED / "usr/bin/kcat").exists():
        pytest.skip("NOT RUN: kcat is missing; install Debian's package `kcat`")
    libraries = ":".join(str(folder) for folder in (UNPACKED / "usr/lib").iterdir())
    return {"PATH": f"{UNPACKED / 'usr/bin'}:{os.environ['PATH']}", "LD_LIBRARY_PATH": libraries}


async def run(command: list[str], *arguments: str, stdin: bytes = b"", **environment: str) -> str:
    """What the client printed; fails with its complaints if it did not end well."""
    process = await asyncio.create_subprocess_exec(
        *command,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": WITH_TASTESTREAM, **environment},
    )
    try:
        said, complaints = await asyncio.wait_for(process.communicate(stdin), WITHIN_S)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, complaints.decode()
    return said.decode()
