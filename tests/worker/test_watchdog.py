"""A worker that is alive and does not move ends itself, and says why."""

import sys
import time
from pathlib import Path

import pytest

from tests.waiting import until
from tests.worker.builders import event
from tests.worker.process import Worker
from tests.worker.shop import open_shop

LIMIT_S = 3


@pytest.mark.parametrize(
    ("fault", "lines"),
    [
        ("waits", ["no progress for 3 s", "an agent does not finish what it holds", "in waits"]),
        ("blocks", ["Timeout (0:00:03)!", "in blocks"]),
    ],
)
async def test_a_worker_with_a_stuck_agent_ends_with_1_and_tells_where_it_stood(
    broker: str, tmp_path: Path, fault: str, lines: list[str]
) -> None:
    worker = Worker(broker, tmp_path, watchdog_s=LIMIT_S)
    worker.entry = (sys.executable, "-m", "tests.worker.stuck", fault)
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            await shop.publish(shop.topics.user_interactions, [("u", event("u", "a"))])
            assert await worker.ended(within_s=30.0) == 1
        for line in lines:
            assert line in worker.log
    finally:
        worker.kill()


async def test_a_worker_with_nothing_to_do_is_left_alone(broker: str, tmp_path: Path) -> None:
    worker = Worker(broker, tmp_path, watchdog_s=0.4)
    try:
        await worker.start()
        started = await worker.value("process_cpu_seconds_total")

        async def lived_on() -> bool:
            return await worker.value("process_cpu_seconds_total") > started + 0.3

        await until(lived_on)
        assert await worker.stop() == 0, worker.log[-2000:]
    finally:
        worker.kill()


async def test_a_worker_that_was_stopped_for_longer_than_the_limit_goes_on(broker: str, tmp_path: Path) -> None:
    worker = Worker(broker, tmp_path, watchdog_s=LIMIT_S, session_timeout_s=60)
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            worker.pause()
            stopped = time.monotonic()
            await shop.publish(shop.topics.user_interactions, [("u", event("u", "a"))])
            await until(lambda: time.monotonic() - stopped > 2 * LIMIT_S)
            worker.resume()
            await shop.until_folded()
        assert await worker.stop() == 0, worker.log[-2000:]
    finally:
        worker.kill()
