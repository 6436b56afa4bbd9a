"""One worker as a child process: started until it is ready, asked for its metrics, stopped (processes, HTTP)."""

import http.client
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.process import spawn_tied, stop_tied
from load.client.process_memory import anonymous_bytes
from load.client.scrape import Scrape, fetch, parse
from load.datasets.dataset import PROJECT
from load.datasets.errors import LoadError
from workers.settings import PREFIX, Settings, plain_text

COMMAND = (sys.executable, "-m", "workers.cli", "worker")
START_TIMEOUT_S = 60.0  # 3 s on an idle machine with two cores
STOP_GRACE_S = 20.0  # it commits and leaves its group within a second; past this it is killed, and loses nothing
POLL_S = 0.05
EXCERPT_LINES = 12
# The line of an error is followed by pages of its shutdown, so both the first errors and the end are shown.
TROUBLE = re.compile(r"\b(ERROR|CRITICAL)\b|^\w[\w.]*(Error|Exception)\b")


class WorkerProcess:
    """`tastestream worker` under `settings`, its log in `log_file`; it ends with this process, however that ends."""

    def __init__(self, settings: Settings, log_file: Path) -> None:
        self.settings = settings
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log_file.open("ab") as log:
            self._process = spawn_tied(COMMAND, log, worker_environment(self.settings))
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def metrics_url(self) -> str:
        """Where the worker's metrics can be read."""
        return f"http://{self.settings.web_bind}:{self.settings.web_port}/metrics"

    def check(self) -> None:
        """Raise LoadError with the end of its log if the worker has ended."""
        if self._process is None or (code := self._process.poll()) is None:
            return
        raise LoadError(f"the worker ended with exit code {code}. From its log:\n{self._excerpt()}")

    def scrape(self) -> Scrape:
        """The worker's metrics now; raises LoadError if it does not answer."""
        self.check()
        try:
            _, text = fetch(self.settings.web_bind, self.settings.web_port, "/metrics")
        except (OSError, http.client.HTTPException) as error:
            self.check()
            raise LoadError(
                f"{self.metrics_url} does not answer ({error!r}). From its log:\n{self._excerpt()}"
            ) from error
        return parse(text)

    def anonymous_bytes(self) -> float:
        """Memory of its own, see `load.client.process_memory`; raises LoadError without a process."""
        return anonymous_bytes(self._process.pid if self._process else 0)

    def stop(self) -> None:
        """End the worker in order, or after a grace period at once."""
        if self._process is not None:
            stop_tied(self._process, STOP_GRACE_S)
            self._process = None

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise LoadError(
                    f"the worker was not ready within {START_TIMEOUT_S:.0f} s. From its log:\n{self._excerpt()}"
                )
            time.sleep(POLL_S)

    def _is_ready(self) -> bool:
        try:
            status, _ = fetch(self.settings.web_bind, self.settings.web_port, "/readyz")
        except (OSError, http.client.HTTPException):
            return False
        return status == http.client.OK

    def _excerpt(self) -> str:
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        before, end = lines[:-EXCERPT_LINES], lines[-EXCERPT_LINES:]
        trouble = [line for line in before if TROUBLE.search(line)][:EXCERPT_LINES]
        return "\n".join([*trouble, *(["…"] if trouble else []), *end]) or "(empty)"


def worker_environment(settings: Settings) -> dict[str, str]:
    """The child starts as its own parent did, but for its settings."""
    variables = {PREFIX + name.upper(): plain_text(value) for name, value in settings if value is not None}
    # Run from a checkout that is not installed, the child finds the packages as we did.
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, **variables}
