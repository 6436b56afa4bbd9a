"""No amount of work ends a worker: a backlog that takes far longer than the watchdog's limit is worked off.

`make bench-backlog` is the same at full size.
"""

from pathlib import Path

import pytest

from infra.ports import choose_ports
from load.datasets.dataset import Dataset
from load.datasets.interleaved import interleaved_dataset
from load.faults.backlog_run import work_off
from load.faults.duty_cycle import Share
from tests.kafka import unique_name
from workers.settings import Settings

pytestmark = pytest.mark.timeout(300)


async def lived_through(broker: str, folder: Path, dataset: Dataset, watchdog_s: float, share: Share | None) -> None:
    settings = Settings(
        bootstrap_servers=broker,
        topic_prefix=unique_name("backlog") + ".",
        app_id=unique_name("backlog"),
        data_path=folder / "data",
        web_port=choose_ports(0)[0],
        watchdog_s=watchdog_s,
    )
    log = folder / "worker.log"
    run = await work_off(dataset, settings, log, within_s=240, share=share)
    assert run.survived, f"{run}\n{log.read_text()[-4000:]}"


async def test_a_backlog_is_worked_off_without_a_restart(broker: str, tmp_path: Path) -> None:
    await lived_through(broker, tmp_path, interleaved_dataset(8_000, 4_000, 4_000), 3.0, None)


async def test_a_worker_with_a_quarter_of_a_core_works_a_backlog_off_without_a_restart(
    broker: str, tmp_path: Path
) -> None:
    await lived_through(broker, tmp_path, interleaved_dataset(2_500, 2_000, 2_000), 5.0, Share())
