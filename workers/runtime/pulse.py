"""Counts the time in which this process runs, and ends one whose event loop does not (a thread; ends the process).

A clock goes on while a process is stopped: by SIGSTOP, in a paused container, while its machine sleeps. Its ticks do
not: one that was stopped for an hour is one tick older when it goes on.
"""

import faulthandler
import os
import signal
import threading
from datetime import timedelta

# Ticks in the time allowed. More wake the process more often, fewer count a stop for more of that time.
TICKS = 20
# A library that never gives the interpreter back stops the ticks as well. If it computes, the process' CPU time ends
# that after the limit; if it waits, the clock does, after so many times the limit: by the clock a stop looks the same,
# so shorter would end workers that were stopped for a while.
HELD = 15
EXIT_STUCK = 1
STANDARD_ERROR = 2  # its number: a thread without the interpreter can't use the object


class Pulse:
    """Ends the process when `beat` was not called for `limit_s` seconds of its own time."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._tick_s = limit_s / TICKS
        self._ticks = 0
        self._beaten_at = 0
        self._stopping = threading.Event()

    @property
    def ran_s(self) -> float:
        """Seconds that the process ran since `start`, one tick early or late."""
        return self._ticks * self._tick_s

    def start(self) -> None:
        """Begin to count, and to expect beats."""
        # Every stack is written where the signal arrives, without the interpreter; then it ends the process.
        faulthandler.register(signal.SIGPROF, file=STANDARD_ERROR, all_threads=True, chain=True)
        self.beat()
        threading.Thread(target=self._tick_forever, name="pulse", daemon=True).start()

    def beat(self) -> None:
        """The event loop runs."""
        self._beaten_at = self._ticks
        signal.setitimer(signal.ITIMER_PROF, self._limit_s)
        faulthandler.dump_traceback_later(HELD * self._limit_s, exit=True, file=STANDARD_ERROR)

    def stop(self) -> None:
        """Expect nothing more."""
        self._stopping.set()
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.unregister(signal.SIGPROF)
        faulthandler.cancel_dump_traceback_later()

    def _tick_forever(self) -> None:
        while not self._stopping.wait(self._tick_s):
            self._ticks += 1
            if self._ticks - self._beaten_at > TICKS:
                self._end()

    def _end(self) -> None:
        os.write(STANDARD_ERROR, f"Timeout ({timedelta(seconds=self._limit_s)})! The event loop is held up\n".encode())
        faulthandler.dump_traceback(file=STANDARD_ERROR, all_threads=True)
        os._exit(EXIT_STUCK)
