"""Gives a process a share of the time, as a CPU limit does: stopped and continued by signals (a thread)."""

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Share:
    """So many seconds it runs, so many it stands still; the default is a quarter of a core."""

    running_s: float = 0.05
    stopped_s: float = 0.15


class DutyCycle:
    """While inside, `send` gets SIGSTOP and SIGCONT in turn; at the end SIGCONT."""

    def __init__(self, send: Callable[[signal.Signals], None], share: Share) -> None:
        self._send = send
        self._share = share
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._turn, name="duty-cycle", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _turn(self) -> None:
        while not self._ended.wait(self._share.running_s):
            self._send(signal.SIGSTOP)
            self._ended.wait(self._share.stopped_s)
            self._send(signal.SIGCONT)
