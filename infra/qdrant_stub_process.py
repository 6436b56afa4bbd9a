"""The stub server as a process of its own, with its points on disk: it can be killed, hung, slowed and restored.

`python -m infra.qdrant_stub_process PORT FOLDER` serves until it is killed; SIGUSR1 makes each call take 500 ms,
SIGUSR2 makes it quick again.
"""

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from qdrant_client import QdrantClient
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from infra.ports import HOST, choose_ports
from infra.process import release_tied, spawn_tied
from infra.qdrant_stub import QdrantStub

SLOW_S = 0.5
START_WITHIN_S = 30.0
PROJECT = Path(__file__).resolve().parents[1]
MODULE = "infra.qdrant_stub_process"

_ACCEPTING = AsyncRetrying(
    retry=retry_if_result(lambda accepts: not accepts), stop=stop_after_delay(START_WITHIN_S), wait=wait_fixed(0.05)
)


class StubProcess:
    """One server on one port; what it acknowledged is in its folder, however it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "points"
        self.port = choose_ports(0)[0]
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def start(self) -> Self:
        """Start, with the points that are in the folder."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = ["env", f"PYTHONPATH={PROJECT}", sys.executable, "-m", MODULE, str(self.port), str(self.folder)]
        with self._log.open("ab") as log:
            self._process = spawn_tied(command, log)
        await _ACCEPTING(self._accepts)
        return self

    def kill(self) -> None:
        """SIGKILL; nothing listens afterwards."""
        if self._process is not None:
            self._process.kill()
            release_tied(self._process)
            self._process = None

    def hang(self) -> None:
        """Accept connections and never answer, as a stopped process does."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again, also what came meanwhile."""
        self._signal(signal.SIGCONT)

    def slow(self) -> None:
        """Take 500 ms for each call."""
        self._signal(signal.SIGUSR1)

    def quick(self) -> None:
        """Take no longer than it takes."""
        self._signal(signal.SIGUSR2)

    def snapshot(self) -> None:
        """Copy the points as they are; the server must not run."""
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self.folder, self._copy)

    def restore(self) -> None:
        """Put the copy in place of the points; the server must not run."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._copy, self.folder)

    def forget_all(self) -> None:
        """Lose all collections; the server must not run."""
        shutil.rmtree(self.folder)

    @property
    def _copy(self) -> Path:
        return self.folder.with_name("copy")

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "not started"
        self._process.send_signal(number)

    async def _accepts(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self._log.read_text()
        try:
            _, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            return False
        writer.close()
        return True


async def serve(port: int, folder: Path) -> None:
    """Serve until the process ends."""
    stub = QdrantStub()
    stub.port, stub.local = port, QdrantClient(path=str(folder))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, setattr, stub, "delay_s", SLOW_S)
    loop.add_signal_handler(signal.SIGUSR2, setattr, stub, "delay_s", 0.0)
    await stub.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
