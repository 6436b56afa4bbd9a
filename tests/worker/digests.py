"""Runs of one log through real workers, and the digest of what they left (Kafka, processes)."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.worker.exactness import until_all_committed
from tests.worker.process import PROJECT, Worker
from tests.worker.shop import open_shop
from tests.worker.traffic import catalog
from workers.admin.state.changelog import read_state
from workers.admin.state.digest import to_json
from workers.settings import PREFIX, Settings, load_settings


def settings_of(worker: Worker) -> Settings:
    """The settings that the worker's process has."""
    return load_settings(**worker.settings)


async def digest_of(worker: Worker) -> dict[str, Any]:
    """Digest of the state in the changelogs of `worker`, with all rows."""
    state = await read_state(settings_of(worker))
    return to_json(state.digests(keep_rows=True), state.notes())


async def folded(broker: str, folder: Path, log: Sequence[dict[str, Any]], **settings: object) -> Worker:
    """A worker that has folded the catalog, then this log, and was stopped; its topics hold both."""
    worker = Worker(broker, folder, **settings)
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            await shop.publish_items(*catalog())
            await shop.publish(shop.topics.user_interactions, [(one["user_id"], one) for one in log])
        await until_all_committed(worker)
        assert await worker.stop() == 0
    finally:
        worker.kill()
    return worker


def with_every_tenth_twice(log: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same log as sent by a producer that repeats itself."""
    return [copy for n, one in enumerate(log) for copy in ([one, one] if n % 10 == 0 else [one])]


@contextmanager
def rebuild_command(worker: Worker, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`tastestream rebuild --yes` with the worker's settings; it ends with the block at the latest."""
    variables = {f"{PREFIX}{name.upper()}": str(value) for name, value in worker.settings.items()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    command = [sys.executable, "-m", "workers.cli", "rebuild", "--yes", *options]
    with (worker.folder / "rebuild.log").open("ab") as log:
        process = subprocess.Popen(
            command, env={**inherited, **variables, "PYTHONPATH": str(PROJECT)}, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
