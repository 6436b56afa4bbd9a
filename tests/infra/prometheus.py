"""A Prometheus server as a child process, with the project's own configuration (processes, disk, 127.0.0.1)."""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest
import yaml

from infra.ports import HOST, choose_ports
from infra.process import spawn_tied, stop_tied

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "infra/prometheus/prometheus.yml"
# Where Debian's package is unpacked when it is not installed.
UNPACKED = ROOT / ".cache/prometheus/usr/bin"

STOP_GRACE_S = 5.0


def tool(name: str) -> str:
    """The path of `prometheus` or `promtool`; without one the test is reported as not run."""
    found = shutil.which(name) or shutil.which(name, path=str(UNPACKED))
    if found is None:
        pytest.skip(f"NOT RUN: {name} is missing; install Debian's package `prometheus`")
    return found


def own_config(scrape_s: int, target: str) -> dict[str, Any]:
    """The project's configuration, for one worker at `target` (host:port) that is scraped every `scrape_s`."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    config["global"] = {"scrape_interval": f"{scrape_s}s", "evaluation_interval": f"{scrape_s}s"}
    config["rule_files"] = [str(CONFIG.parent / pattern) for pattern in config["rule_files"]]
    jobs = [job["job_name"] for job in config["scrape_configs"]]
    assert "tastestream" in jobs, jobs
    config["scrape_configs"] = [{"job_name": "tastestream", "static_configs": [{"targets": [target]}]}]
    return config


class Prometheus:
    """A server that scrapes one worker; ask it between `start` and `stop`, or inside `async with`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._port = choose_ports(0)[0]

    async def __aenter__(self) -> Self:
        binary = tool("prometheus")
        self._folder = TemporaryDirectory(prefix="prometheus-")
        folder = Path(self._folder.name)
        config = folder / "prometheus.yml"
        config.write_text(yaml.safe_dump(dict(self._config)))
        with (folder / "log").open("wb") as log:
            self._process = spawn_tied([binary, *self._flags(config, folder / "data")], log)
        self._session = aiohttp.ClientSession(f"http://{HOST}:{self._port}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        stop_tied(self._process, STOP_GRACE_S)
        self._folder.cleanup()

    async def is_ready(self) -> bool:
        """Whether it answers queries; fails with its log if it has ended."""
        assert self._process.poll() is None, (Path(self._folder.name) / "log").read_text()
        try:
            async with self._session.get("/-/ready") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query, each with `metric` and `value`; an error of the query fails the test."""
        result: list[dict[str, Any]] = (await self._get("/api/v1/query", {"query": expression}))["result"]
        return result

    async def series(self, selector: str, age_s: float = 300.0) -> list[dict[str, str]]:
        """The label sets of all series of the last `age_s` seconds that `selector` names."""
        found: list[dict[str, str]] = await self._get(
            "/api/v1/series", {"match[]": selector, "start": str(time.time() - age_s)}
        )
        return found

    async def rules(self) -> list[dict[str, Any]]:
        """All rules with their `name`, `health` and `lastError`."""
        groups: Sequence[dict[str, Any]] = (await self._get("/api/v1/rules", {}))["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        async with self._session.get(path, params=parameters) as response:
            answer = await response.json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def _flags(self, config: Path, data: Path) -> list[str]:
        return [
            f"--config.file={config}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address={HOST}:{self._port}",
            "--log.level=warn",
        ]
