"""A worker under a supervisor: whenever its process ends unasked it is started again (processes, HTTP)."""

import asyncio
import http.client
import signal
import subprocess
import time
from pathlib import Path

from infra.process import release_tied, spawn_tied
from load.client.process_memory import anonymous_bytes, cpu_seconds
from load.client.scrape import Scrape, fetch, parse
from load.client.worker_process import COMMAND, worker_environment
from load.datasets.errors import LoadError
from workers.settings import Settings

POLL_EVERY_S = 0.05
# As Compose and Kubernetes do after a first failure; longer would count as the worker's own time.
RESTART_PAUSE_S = 0.2


class Supervised:
    """One worker of a service; `ends` holds the exit codes of processes that ended unasked."""

    def __init__(self, settings: Settings, log_file: Path) -> None:
        self.settings = settings
        self.log_file = log_file
        self.ends: list[int] = []
        self.environment: dict[str, str] = {}  # beside the settings, from the next start on
        self._process: subprocess.Popen[bytes] | None = None
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the process, and again whenever it ends, until `stop` or `discard`."""
        self._spawn()
        self._watching = asyncio.create_task(self._watch())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the present process."""
        if self._process is not None:
            self._process.send_signal(number)

    def ended(self) -> bool:
        """Whether no process runs at this moment."""
        return self._process is None or self._process.poll() is not None

    async def stop(self, within_s: float = 60.0) -> tuple[int, float]:
        """SIGTERM and no restart: exit code and seconds taken; raises LoadError if it does not end in time."""
        self._unwatch()
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        while not self.ended():
            if time.monotonic() - began > within_s:
                self.discard()
                raise LoadError(f"the worker did not end within {within_s} s; see {self.log_file}")
            await asyncio.sleep(POLL_EVERY_S)
        return self._release(), time.monotonic() - began

    def discard(self) -> None:
        """Kill the process if there is one; no restart."""
        self._unwatch()
        if self._process is not None:
            self._process.kill()
            self._release()

    def joined(self) -> int:
        """How often the worker became ready, in all its processes so far, by its log."""
        return self.log_file.read_text(encoding="utf-8", errors="replace").count("ready:")

    async def ready(self) -> bool:
        """Whether /readyz says yes."""
        found = await asyncio.to_thread(self._fetch, "/readyz")
        return found is not None and found[0] == http.client.OK

    async def scrape(self) -> Scrape | None:
        """The worker's metrics now, None while it does not answer."""
        found = await asyncio.to_thread(self._fetch, "/metrics")
        return None if found is None else parse(found[1])

    def anonymous_bytes(self) -> float:
        """Memory of its own, see `load.client.process_memory`; raises LoadError without a process."""
        return anonymous_bytes(self._process.pid if self._process else 0)

    def cpu_s(self) -> float:
        """CPU seconds of the present process; raises LoadError without one."""
        if self._process is None:
            raise LoadError(f"no worker runs; see {self.log_file}")
        return cpu_seconds(self._process.pid)

    def _spawn(self) -> None:
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = spawn_tied(COMMAND, log, {**worker_environment(self.settings), **self.environment})

    async def _watch(self) -> None:
        while True:
            if self.ended():
                self.ends.append(self._release())
                await asyncio.sleep(RESTART_PAUSE_S)
                self._spawn()
            await asyncio.sleep(POLL_EVERY_S)

    def _unwatch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def _release(self) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        release_tied(process)
        return process.returncode

    def _fetch(self, page: str) -> tuple[int, str] | None:
        try:
            return fetch(self.settings.web_bind, self.settings.web_port, page)
        except (OSError, http.client.HTTPException):
            return None
