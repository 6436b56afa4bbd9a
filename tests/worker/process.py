"""A real worker as a child process: started, asked over HTTP, stopped or killed (processes, 127.0.0.1)."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from infra.ports import HOST, choose_ports
from infra.process import release_tied, spawn_tied
from tests.kafka import unique_name
from tests.waiting import until
from workers.settings import PREFIX
from workers.topics import Topics

PROJECT = Path(__file__).resolve().parents[2]
ENTRY = (sys.executable, "-m", "workers.cli", "worker")
READY_WITHIN_S = 40.0  # 2 s alone; a group that waits for a killed member's session adds 6 s
STOP_WITHIN_S = 10.0
HTTP_TIMEOUT_S = 10.0


class Worker:
    """One worker; `settings` are its own by name, in the environment that a deployment would use.

    Starting it again after `kill` or `stop` keeps topics, group, port and data folder.
    """

    def __init__(self, bootstrap: str, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.entry = ENTRY
        self.settings = {
            "bootstrap_servers": bootstrap,
            "topic_prefix": unique_name("t") + ".",
            "app_id": unique_name("app"),
            "data_path": folder / "data",
            "web_port": choose_ports(0)[0],
            "session_timeout_s": 6,
            "user_partitions": 4,
            "item_partitions": 4,
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return str(self.settings["bootstrap_servers"])

    @property
    def topics(self) -> Topics:
        return Topics(str(self.settings["topic_prefix"]))

    @property
    def group(self) -> str:
        return str(self.settings["app_id"])

    @property
    def environment(self) -> dict[str, str]:
        """What the process is started with; settings of the test's environment must not reach it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        own = {f"{PREFIX}{name.upper()}": str(value) for name, value in self.settings.items()}
        return {**inherited, **own, "PYTHONPATH": str(PROJECT)}

    @property
    def data_path(self) -> Path:
        return Path(str(self.settings["data_path"]))

    @property
    def log(self) -> str:
        """What the worker said since its first start."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def twin(self, **settings: object) -> "Worker":
        """Another worker of the same service, with a folder and a port of its own."""
        folder = self.folder / unique_name("twin")
        own = {"data_path": folder / "data", "web_port": choose_ports(0)[0]}
        return Worker(self.bootstrap, folder, **{**self.settings, **own, **settings})

    def spawn(self) -> None:
        """Start the process; it is not ready yet, and ends with the tests at the latest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as log:
            self._process = spawn_tied(self.entry, log, self.environment)

    async def start(self) -> Self:
        """Start and wait until it is ready."""
        self.spawn()
        await self.until_ready()
        return self

    async def until_ready(self) -> None:
        """Wait for /readyz to say 200; fails with the worker's log when it ends instead."""

        async def ready() -> bool:
            assert self.exit_code is None, f"the worker ended with {self.exit_code}:\n{self.log[-4000:]}"
            return await self.status("/readyz") == 200

        await until(ready, deadline_s=READY_WITHIN_S)

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it runs."""
        assert self._process is not None, "not started"
        return self._process.poll()

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to finish anything."""
        if self._process is not None:
            self._process.kill()
            release_tied(self._process)

    def pause(self) -> None:
        """SIGSTOP: the process stands still, its connections stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: the process goes on as if no time had passed."""
        self._signal(signal.SIGCONT)

    async def stop(self, within_s: float = STOP_WITHIN_S) -> int:
        """SIGTERM; the exit code, or a failure if the process still runs after `within_s`."""
        self._signal(signal.SIGTERM)
        return await self.ended(within_s)

    async def ended(self, within_s: float) -> int:
        """Wait for the process to end by itself; its exit code."""
        await until(lambda: self.exit_code is not None, deadline_s=within_s)
        assert self._process is not None and self.exit_code is not None
        release_tied(self._process)
        return self.exit_code

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "not started"
        self._process.send_signal(number)

    async def status(self, page: str) -> int | None:
        """HTTP status of a page; None while nothing listens."""
        found = await asyncio.to_thread(_get, self._url(page))
        return None if found is None else found[0]

    async def post(self, page: str, body: bytes) -> tuple[int, bytes]:
        """Status and content of the answer to a POST."""
        return await asyncio.to_thread(_post, self._url(page), body)

    async def metrics(self) -> dict[str, Metric]:
        """The metric families of /metrics by name, read by Prometheus' own parser."""
        return {family.name: family for family in text_string_to_metric_families(await self._exposition())}

    async def value(self, name: str, **labels: str) -> float:
        """Sum of all samples of that name that carry these labels."""
        # Tests wait for values: to parse the rest of the page each time would take more CPU than the worker.
        lines = "".join(f"{line}\n" for line in (await self._exposition()).splitlines() if line.startswith(name))
        return sum(
            sample.value
            for family in text_string_to_metric_families(lines)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def _exposition(self) -> str:
        found = await asyncio.to_thread(_get, self._url("/metrics"))
        assert found is not None and found[0] == 200, found
        return found[1]

    def _url(self, page: str) -> str:
        return f"http://{HOST}:{self.settings['web_port']}{page}"

    @property
    def _log_file(self) -> Path:
        return self.folder / "worker.log"


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    asked = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=HTTP_TIMEOUT_S) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def _get(url: str) -> tuple[int, str] | None:
    try:
        with urllib.request.urlopen(url, timeout=HTTP_TIMEOUT_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, ""
    except OSError:
        return None
