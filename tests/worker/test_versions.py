"""Rows that another version of the program wrote are never misread: the worker stops and says what to do."""

from pathlib import Path

import pytest

from models.state import item_state, user_state
from tests.worker.digests import settings_of
from tests.worker.process import Worker
from tests.worker.shop import open_shop
from workers.admin.state.changelog import state_tables
from workers.errors import EXIT_MISCONFIGURED
from workers.items import rows
from workers.runtime.run import prepare_topics

KINDS = (user_state.KIND, rows.KIND, item_state.KIND)


@pytest.mark.parametrize("part", range(3), ids=["users", "items", "counts"])
async def test_a_worker_refuses_rows_of_another_version(broker: str, folder: Path, part: int) -> None:
    worker = Worker(broker, folder / str(part), user_partitions=1, item_partitions=1)
    changelog = state_tables(settings_of(worker))[part].changelog
    try:
        await prepare_topics(settings_of(worker))
        async with open_shop(worker) as shop:
            await shop.send(changelog, KINDS[part] + b"\x00whatever", key=b"ours")
        worker.spawn()
        assert await worker.ended(within_s=30.0) == EXIT_MISCONFIGURED
    finally:
        worker.kill()
    assert f"state is of version 0 (row of 'ours' in {changelog}), this program writes" in worker.log
    assert "run `tastestream rebuild`" in worker.log
