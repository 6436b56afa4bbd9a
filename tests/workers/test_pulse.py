"""A process whose event loop is held up is ended; one that was stopped for a while is not."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from tests.waiting import until
from workers.runtime.pulse import EXIT_STUCK

LIMIT_S = 1.0
BEATS = f"""
import time
from workers.runtime.pulse import Pulse

def held():
    time.sleep(3600)

pulse = Pulse({LIMIT_S})
pulse.start()
while True:
    time.sleep({LIMIT_S} / 10)
    pulse.beat()
    print(pulse.ran_s, flush=True)
"""


@contextmanager
def process(code: str) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def next_beat(running: subprocess.Popen[str]) -> float:
    """How long the process ran by its own count."""
    assert running.stdout is not None
    return float(running.stdout.readline())


async def stopped_for(running: subprocess.Popen[str], seconds: float) -> None:
    """SIGSTOP, and SIGCONT when the time has passed."""
    running.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    await until(lambda: time.monotonic() - began > seconds)
    running.send_signal(signal.SIGCONT)


def test_a_loop_that_is_held_up_ends_the_process_and_shows_where_it_stands() -> None:
    with process(BEATS.replace("pulse.beat()", "held()")) as running:
        _, printed = running.communicate(timeout=30)
    assert running.returncode == EXIT_STUCK
    assert "Timeout (0:00:01)!" in printed
    assert "in held" in printed


def test_a_library_that_computes_and_never_gives_the_interpreter_back_ends_the_process() -> None:
    # Backtracking in a regular expression: it holds the interpreter for hours.
    held = 'import re; re.match("(a+)+$", "a" * 64 + "b")'
    with process(BEATS.replace("pulse.beat()", held)) as running:
        _, written = running.communicate(timeout=60)
    assert running.returncode == -signal.SIGPROF
    assert "Fatal Python error" in written or "most recent call first" in written


async def test_a_process_that_was_stopped_goes_on_and_has_not_aged() -> None:
    with process(BEATS) as running:
        ran_s = [next_beat(running)]
        await stopped_for(running, 3 * LIMIT_S)
        ran_s += [next_beat(running) for _ in range(20)]
        assert running.poll() is None
    assert max(after - before for before, after in pairwise(ran_s)) < LIMIT_S


async def test_a_process_that_gets_a_quarter_of_the_time_goes_on() -> None:
    with process(BEATS) as running:
        next_beat(running)
        for _ in range(20):
            await stopped_for(running, 0.15)
            next_beat(running)
        assert running.poll() is None
