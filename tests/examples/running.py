"""Runs a script of `examples/` as a user does (starts a process)."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 120.0


def run_example(name: str, *arguments: str, **environment: str) -> str:
    """What the script printed; fails with its complaints if it did not end well."""
    ended = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{name}.py"), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
