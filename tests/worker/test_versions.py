"""Rows that another version of the program wrote are never misread: the worker stops and says what to do."""

from pathlib import Path

import pytest

from tests.worker.digests import settings_of
from tests.worker.process import Worker
from tests.worker.shop import open_shop
from workers.errors import EXIT_MISCONFIGURED
from workers.items.rows import ItemRow
from workers.runtime.run import prepare_topics


@pytest.mark.parametrize("part", ["users", "items"])
async def test_a_worker_refuses_rows_of_another_version(broker: str, folder: Path, part: str) -> None:
    worker = Worker(broker, folder / part, user_partitions=1, item_partitions=1)
    changelog = worker.topics.user_state_changelog if part == "users" else worker.topics.item_state_changelog
    try:
        await prepare_topics(settings_of(worker))
        async with open_shop(worker) as shop:
            await shop.send(changelog, older(part), key=b"ours")
        worker.spawn()
        assert await worker.ended(within_s=30.0) == EXIT_MISCONFIGURED
    finally:
        worker.kill()
    assert f"state is of version 0 (row of 'ours' in {changelog}), this program writes" in worker.log
    assert "run `tastestream rebuild`" in worker.log


def older(part: str) -> bytes:
    """A row as a program before the first version would have written it."""
    return b"U\x00whatever" if part == "users" else ItemRow().pack()[:1] + b"\x00" + ItemRow().pack()[2:]
