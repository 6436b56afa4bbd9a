"""A worker that stood still while another took its place must not write over its successor."""

import random
from pathlib import Path

from tests.waiting import until
from tests.worker.exactness import check_state, until_all_committed
from tests.worker.process import Worker
from tests.worker.shop import open_shop
from tests.worker.traffic import events

EVENTS = 12_000
SEED = 20_261_121


async def test_a_worker_that_wakes_after_its_session_does_not_write_over_its_successor(
    broker: str, folder: Path
) -> None:
    sleeper = Worker(broker, folder, index_kind="memory", chunk_records=100)
    successor = sleeper.twin()
    try:
        await sleeper.start()
        async with open_shop(sleeper) as shop:
            made = [(one["user_id"], one) for one in events(EVENTS, SEED)]
            await shop.publish(shop.topics.user_interactions, made)
            await _folded(sleeper, random.Random(SEED).randrange(100, EVENTS // 2))
            sleeper.pause()
            await successor.start()
            await until_all_committed(successor)
            sleeper.resume()
            await _noticed(sleeper)
            await until_all_committed(successor)
            await check_state(successor, EVENTS)
    finally:
        sleeper.kill()
        successor.kill()


async def _folded(worker: Worker, count: int) -> None:
    async def folded() -> bool:
        return await worker.value("tastestream_events_total") >= count

    await until(folded, deadline_s=60.0)


async def _noticed(worker: Worker) -> None:
    """The sleeper ended, or owns partitions of the new generation."""
    before = worker.log.count("ready:")
    await until(lambda: worker.exit_code is not None or worker.log.count("ready:") > before, deadline_s=60.0)
