"""A Qdrant server for fault runs: the tests' stub of its gRPC interface on a real port, points on disk (processes).

No package registry has the server itself, and a shared one can't be killed or set back.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from infra.ports import HOST, choose_ports
from infra.process import release_tied, spawn_tied
from load.client.waiting import until
from load.datasets.dataset import PROJECT

STUB = "infra.qdrant_stub_process"
STARTS_WITHIN_S = 60.0


def server_is_missing() -> str:
    """Why there is no server here: the stub comes with a checkout, not with an installed package."""
    here = (PROJECT / "tests" / "index" / "stub_process.py").exists()
    return "" if here else "needs a checkout of the project: the stub server is in its tests"


class QdrantProcess:
    """One server on one port; what it acknowledged stays in `folder`, however it ends."""

    def __init__(self, folder: Path) -> None:
        self.points = folder / "points"
        self.port = choose_ports(0)[0]
        self._copy = folder / "copy"
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Start with the points that are in the folder; returns when it accepts connections."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", STUB, str(self.port), str(self.points)]
        with self._log.open("ab") as log:
            self._process = spawn_tied(command, log, {**os.environ, "PYTHONPATH": str(PROJECT)})
        await until(self._accepts, STARTS_WITHIN_S, f"the Qdrant stub accepts connections (see {self._log})")

    def kill(self) -> None:
        """SIGKILL; nothing listens afterwards."""
        if self._process is not None:
            self._process.kill()
            release_tied(self._process)
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP makes it hang, SIGCONT go on; SIGUSR1 makes each call take 500 ms, SIGUSR2 ends that."""
        if self._process is not None:
            self._process.send_signal(number)

    def snapshot(self) -> None:
        """Copy the points as they are; the server must not run."""
        shutil.copytree(self.points, self._copy)

    def restore(self) -> None:
        """Put the copy in place of the points; the server must not run."""
        shutil.rmtree(self.points)
        shutil.move(self._copy, self.points)

    def _accepts(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=1.0).close()
        except OSError:
            return False
        return True
