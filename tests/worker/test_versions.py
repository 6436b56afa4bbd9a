"""Rows that another version of the program wrote are never misread: the worker stops and says what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from models.state import item_state, user_state
from tests.worker.digests import settings_of
from tests.worker.process import Worker
from tests.worker.shop import open_shop
from workers.errors import EXIT_MISCONFIGURED
from workers.items import rows
from workers.runtime.run import prepare_topics
from workers.topics import Topics


@pytest.mark.parametrize(
    ("changelog_of", "kind"),
    [
        (lambda topics: topics.user_state_changelog, user_state.KIND),
        (lambda topics: topics.item_state_changelog, rows.KIND),
        (lambda topics: topics.item_counts_changelog, item_state.KIND),
    ],
    ids=["users", "entries", "counts"],
)
async def test_a_worker_refuses_rows_of_another_version(
    broker: str, tmp_path: Path, changelog_of: Callable[[Topics], str], kind: bytes
) -> None:
    worker = Worker(broker, tmp_path, user_partitions=1, item_partitions=1)
    changelog = changelog_of(worker.topics)
    try:
        await prepare_topics(settings_of(worker))
        async with open_shop(worker) as shop:
            await shop.send(changelog, kind + b"\x00whatever", key=b"ours")
        worker.spawn()
        assert await worker.ended(within_s=30.0) == EXIT_MISCONFIGURED
    finally:
        worker.kill()
    assert f"state is of version 0 (row of 'ours' in {changelog}), this program writes" in worker.log
    assert "run `tastestream rebuild`" in worker.log
