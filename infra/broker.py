"""Kafka in a box: one broker as a child process, from pip-installable parts (processes, disk, 127.0.0.1)."""

import fcntl
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import BinaryIO, Self

from infra.errors import BrokerError, FolderError, PortTakenError
from infra.java import TOOL_FLAGS, broker_flags, java_command
from infra.kafka_dist import class_path
from infra.kafka_properties import CLIENTS, render, server_properties
from infra.kafka_security import BrokerSecurity
from infra.ports import HOST, choose_ports, kafka_answers
from infra.process import release_tied, spawn_tied, stop_tied
from infra.startup_cache import startup_flags

HEAP_MB = 512
START_TIMEOUT_S = 60.0  # 2 s on an idle machine with two cores; ten times that when others keep it busy
STOP_GRACE_S = 15.0  # 0.2 s as a rule; past it a kill, which loses nothing that was acknowledged
RECORDING_GRACE_S = 120.0  # 4 s on an idle machine: Java writes its start-up cache at the end
POLL_S = 0.05
PORT_TRIES = 5  # each failure needs another process to take that very port within a second
CLUSTER_ID = "dGFzdGVzdHJlYW0tYm94Xw"  # 16 bytes in base64; any will do, as no two nodes ever form a cluster
STARTED = "Kafka Server started"
LOG_EXCERPT_LINES = 12


class Broker:
    """A single-node Apache Kafka on 127.0.0.1.

    `data` keeps topics, settings and log (None: a temporary folder that `stop` removes); a port of 0 becomes
    a free one at the first start and stays; `heap_mb` is in MiB; `overrides` are server properties; with
    `security` clients need TLS and a password; `java_flags` None means those of the start-up cache.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        port: int = 0,
        heap_mb: int = HEAP_MB,
        overrides: Mapping[str, str] | None = None,
        security: BrokerSecurity | None = None,
        java_flags: Sequence[str] | None = None,
    ) -> None:
        self._data = data.absolute() if data else None
        self._temporary: TemporaryDirectory[str] | None = None
        self._port = port
        self._heap_mb = heap_mb
        self._security = security
        self._overrides = {**(security.properties(CLIENTS) if security else {}), **(overrides or {})}
        self._java_flags = java_flags
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients, `host:port`."""
        return f"{HOST}:{self._port}"

    @property
    def data(self) -> Path:
        """The folder of topics, settings and `broker.log` (`broker.log.1`: of the start before)."""
        if self._data is not None:
            return self._data
        if self._temporary is not None:
            return Path(self._temporary.name)
        raise BrokerError("A broker with a temporary data folder has none before start() and after stop().")

    @property
    def pid(self) -> int | None:
        """The process id while the broker runs, else None."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> Self:
        """Start the broker and return when it takes requests; a second start comes back on the same port.

        Raises `PortTakenError`, `FolderError`, `BrokerError` with the end of the log, or what `class_path` raises.
        """
        if self.pid is not None:
            raise BrokerError(f"The broker at {self.bootstrap} already runs: stop it before you start it again.")
        jars = class_path()
        if self._java_flags is None:
            self._java_flags = startup_flags(jars, _run_once)
        try:
            self._prepare_folder()
            self._start_on_free_ports(jars)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """End the broker in order and remove its temporary folder; nothing happens when there is none."""
        if self._process is not None:
            stop_tied(self._process, grace_s)
            self._process = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def kill(self) -> None:
        """End the broker at once (SIGKILL), as a crash would; its folder stays for the next `start`."""
        if self._process is not None:
            self._process.kill()
            release_tied(self._process)
            self._process = None

    def wait(self) -> None:
        """Block while the broker runs; an unexpected end raises `BrokerError`."""
        if self._process is not None:
            code = self._process.wait()
            raise self._failure(f"ended by itself with exit code {code}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare_folder(self) -> None:
        if self._data is None and self._temporary is None:
            self._temporary = TemporaryDirectory(prefix="tastestream-broker-", ignore_cleanup_errors=True)
        try:
            (self.data / "tmp").mkdir(parents=True, exist_ok=True)
            self._log_file.touch()
        except OSError as error:
            raise FolderError(
                f"The data folder {self.data} can't be written ({error.strerror}): choose another one."
            ) from error

    def _start_on_free_ports(self, jars: list[Path]) -> None:
        for tries_left in reversed(range(PORT_TRIES)):
            # The controller's port is known to no other process, so a free one will do at every start.
            port, controller_port = choose_ports(self._port, 0)
            try:
                self._run(jars, port, controller_port)
                self._port = port
                return
            except PortTakenError:
                self.kill()
                if not tries_left:
                    raise

    def _run(self, jars: list[Path], port: int, controller_port: int) -> None:
        settings, topics = self.data / "server.properties", self.data / "topics"
        with self._log_file.open("ab") as log:
            self._own_folder(log)
            settings.touch(mode=0o600)  # it may hold passwords
            settings.write_text(render(server_properties(topics, port, controller_port, self._overrides)))
            if not (topics / "meta.properties").exists():
                self._format(jars, settings, log)
            flags = [*broker_flags(self._heap_mb, self.data / "tmp"), *(self._java_flags or ())]
            command = java_command(flags, jars, "kafka.Kafka", str(settings))
            self._process = spawn_tied(command, log)
        self._wait_until_ready(self._process, port)

    def _own_folder(self, log: BinaryIO) -> None:
        # Kafka locks its topics only after the controller has written to the metadata, so two brokers in one
        # folder damage it. The broker inherits this lock with its output: it lasts as long as the broker.
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderError(
                f"The data folder {self.data} is in use by another broker: stop that one, or choose another."
            ) from error
        shutil.copyfile(self._log_file, self.data / "broker.log.1")
        log.truncate(0)

    @property
    def _log_file(self) -> Path:
        return self.data / "broker.log"

    def _format(self, jars: list[Path], settings: Path, log: BinaryIO) -> None:
        tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted")
        credentials = self._security.format_arguments() if self._security else []
        command = java_command(TOOL_FLAGS, jars, *tool, "-t", CLUSTER_ID, "-c", str(settings), *credentials)
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
        if code:
            raise self._failure(f"could not prepare its data folder {self.data} (exit code {code})")

    def _wait_until_ready(self, process: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise self._failure(f"ended with exit code {process.returncode} while starting")
            # Both are needed: the line is surely this broker's own, the answer is what clients will meet.
            if STARTED in self._log_text() and kafka_answers(port, self._security.keystore if self._security else None):
                return
            time.sleep(POLL_S)
        raise self._failure(f"was not ready within {START_TIMEOUT_S:.0f} s")

    def _failure(self, what: str) -> BrokerError:
        text = self._log_text()
        kind = PortTakenError if "Address already in use" in text else BrokerError
        return kind(f"The broker {what}. From the end of {self._log_file}:\n{_excerpt(text)}")

    def _log_text(self) -> str:
        return self._log_file.read_text(encoding="utf-8", errors="replace")


def _run_once(java_flags: Sequence[str]) -> None:
    Broker(java_flags=java_flags).start().stop(RECORDING_GRACE_S)


def _excerpt(log_text: str) -> str:
    """Return the last errors and the last lines: pages of shutdown follow the error that ends Kafka."""
    lines = log_text.splitlines()
    errors = [line for line in lines if re.search(r"\bERROR\b|\bFATAL\b|Exception\b", line)]
    return "\n".join([*errors[-LOG_EXCERPT_LINES:], "…", *lines[-LOG_EXCERPT_LINES:]])


def serve(port: int, data_dir: Path | None) -> None:
    """Run a broker until Ctrl-C or SIGTERM; None as `data_dir` means a temporary folder."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Broker(data_dir, port=port) as broker:
            print(f"Kafka broker ready: bootstrap servers {broker.bootstrap}", flush=True)
            print(f"Data, settings and broker.log in {broker.data}; Ctrl-C stops it.", flush=True)
            broker.wait()
    except KeyboardInterrupt:
        print("Kafka broker stopped.", flush=True)
