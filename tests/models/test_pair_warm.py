"""What `warm` has called is compiled for good: no event, row or question waits for a compiler afterwards."""

import os
import subprocess
import sys

NOTHING_LEFT = """
from models.state import pair_bytes, pair_kernels
from models.state.pair_warm import warm
from tests.models.test_pair_changes import apply_all, random_changes

def ways_in():
    found = {**vars(pair_kernels), **vars(pair_bytes)}
    return {name: len(one.signatures) for name, one in found.items() if hasattr(one, "signatures")}

KERNELS = ("learn", "take_back", "put", "cut", "drop", "relist", "ask", "look_up", "needs", "has_room", "rename")
warm()
before = ways_in()
assert all(before[name] == 1 for name in (*KERNELS, "_encode", "_decode")), before
table = apply_all(random_changes(3_000, seed=1), chunk=64, reload_share=0.1)
table.name(5_000, 1)
table.counts([1], table.row(1).keys)
assert ways_in() == before, (before, ways_in())
"""

NO_FOLDER = """
from models.state import pair_kernels
from models.state.pair_memory import no_pairs
print(pair_kernels.needs(no_pairs(), 0, 0))
"""


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_is_compiled_after_the_kernels_are_warm() -> None:
    run(NOTHING_LEFT)


def test_kernels_run_where_no_folder_can_be_written() -> None:
    assert run(NO_FOLDER, NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator") == "(16, 0)"
