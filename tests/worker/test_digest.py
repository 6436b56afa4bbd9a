"""One log, several runs: undisturbed, killed, duplicated, rebuilt. Their digests are equal."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.waiting import until
from tests.worker.digests import digest_of, folded, rebuild_command, settings_of, with_every_tenth_twice
from tests.worker.exactness import check_index, entries_of, until_all_committed
from tests.worker.process import Worker
from tests.worker.shop import ends, open_shop
from tests.worker.traffic import catalog, events
from workers.admin.rebuild import run as rebuild
from workers.admin.state.digest import differences
from workers.admin.state.rows_diff import unlike_rows

LOG = events(2_100, seed=5)
KILL_AFTER = 700


@dataclass(frozen=True)
class Run:
    """A worker that folded the log and was stopped, and the digest of its state."""

    worker: Worker
    digest: dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def undisturbed(broker: str, folder: Path) -> AsyncIterator[Run]:
    worker = await folded(broker, folder / "undisturbed", LOG)
    run = Run(worker, await digest_of(worker))
    assert run.digest["tables"]["users"]["rows"] > 100
    yield run
    worker.kill()


def equal(first: dict[str, Any], second: dict[str, Any], *, same_log: bool = True) -> bool:
    found = differences(first, second, same_log=same_log)
    assert not found, (found, list(unlike_rows(first, second, same_log=same_log))[:5])
    return True


async def test_a_log_with_every_tenth_record_twice_gives_the_same_state(
    broker: str, folder: Path, undisturbed: Run
) -> None:
    twice = await folded(broker, folder / "twice", with_every_tenth_twice(LOG))
    assert equal(undisturbed.digest, await digest_of(twice), same_log=False)


async def test_a_killed_worker_leaves_the_state_of_an_undisturbed_one(
    broker: str, folder: Path, undisturbed: Run
) -> None:
    worker = Worker(broker, folder / "killed", instance_id="one", chunk_records=40)
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            await shop.publish_items(*catalog())
            for start in range(0, len(LOG), KILL_AFTER):
                run = LOG[start : start + KILL_AFTER]
                await shop.publish(shop.topics.user_interactions, [(one["user_id"], one) for one in run])
                await until(lambda: _has_folded_some(worker))
                worker.kill()
                await worker.start()
        await until_all_committed(worker)
    finally:
        worker.kill()
    assert equal(undisturbed.digest, await digest_of(worker))


async def test_a_rebuild_that_is_killed_and_run_again_gives_the_same_state_and_index(undisturbed: Run) -> None:
    worker = undisturbed.worker
    with rebuild_command(worker) as first:
        await until(lambda: _has_rows(worker), deadline_s=60.0)
        first.kill()
    with rebuild_command(worker) as second:
        await until(lambda: second.poll() is not None, deadline_s=90.0)
        assert second.returncode == 0
    assert equal(undisturbed.digest, await digest_of(worker))
    await check_index(worker.data_path / "index", await entries_of(worker))


async def test_a_worker_started_between_the_steps_of_a_rebuild_does_no_harm(undisturbed: Run) -> None:
    worker, settings = undisturbed.worker, settings_of(undisturbed.worker)
    for steps in (2, 3):
        plan = await rebuild.plan_rebuild(settings)
        async with rebuild._consumer(settings, plan.group) as consumer:
            await rebuild._move_offsets(consumer, plan)
        shutil.rmtree(worker.data_path / "index")
        if steps == 3:
            async with rebuild.group_admin(settings) as admin:
                await rebuild._delete(admin, list(plan.derived))
        try:
            await worker.start()
            await until_all_committed(worker)
            assert await worker.stop() == 0
        finally:
            worker.kill()
        # An ordinary worker does not wait for the catalog: past 200 events a user's taste may lack shares.
        found = differences(undisturbed.digest, await digest_of(worker))
        assert [line for line in found if not line.startswith("users: taste")] == []


async def _has_folded_some(worker: Worker) -> bool:
    return await worker.value("tastestream_events_total") >= 50


async def _has_rows(worker: Worker) -> bool:
    found = await ends(worker.bootstrap, worker.topics.user_state_changelog)
    return bool(found)
