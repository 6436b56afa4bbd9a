"""Two workers share the partitions: whichever worker joins or leaves meanwhile, every event is folded exactly once."""

import asyncio
from pathlib import Path

from tests.waiting import until
from tests.worker.builders import event
from tests.worker.exactness import check_state, until_all_committed
from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop
from tests.worker.traffic import catalog, events

MOST_EVENTS = 100_000
BATCH = 50
PAUSE_S = 0.05  # 1,000 events a second at most: they last longer than the rebalances
LAG = "tastestream_consumer_lag_records"


async def test_events_are_folded_once_while_workers_come_and_go(broker: str, folder: Path) -> None:
    first = Worker(broker, folder / "first", index_kind="memory", chunk_records=40)
    second = first.twin()
    try:
        await first.start()
        async with open_shop(first) as shop:
            await shop.publish_items(*catalog())
            enough = asyncio.Event()
            publishing = asyncio.create_task(_publish(shop, enough))
            await _folded(first, 200)
            await second.start()
            await _folded(second, 200)
            assert await _partitions(first) & await _partitions(second) == set()
            assert await first.stop() == 0
            await second.until_ready()
            enough.set()
            published = await publishing
            await until_all_committed(second)
            items = await check_state(second, published)
            assert all(row.catalog is not None for row in items.values())
            await shop.publish_events(event("after", "i3"))
            assert len(await shop.ids(user_id="after", limit=100)) == 100
        assert await second.stop() == 0
    finally:
        first.kill()
        second.kill()


async def test_partitions_are_taken_over_and_given_back_while_events_flow(broker: str, folder: Path) -> None:
    first = Worker(broker, folder / "stays", index_kind="memory", chunk_records=40)
    second = first.twin()
    try:
        await first.start()
        async with open_shop(first) as shop:
            await shop.publish_items(*catalog())
            enough = asyncio.Event()
            publishing = asyncio.create_task(_publish(shop, enough))
            for _ in range(2):
                await second.start()
                await _folded(second, 200)
                assert await second.stop() == 0
                await first.until_ready()
                await _folded(first, 200 + int(await first.value("tastestream_events_total")))
            enough.set()
            published = await publishing
            await until_all_committed(first)
            await check_state(first, published)
        assert await first.stop() == 0
    finally:
        first.kill()
        second.kill()


async def _publish(shop: Shop, enough: asyncio.Event) -> int:
    """Publish events until there are enough; how many there were."""
    made = events(MOST_EVENTS, seed=7)
    for start in range(0, MOST_EVENTS, BATCH):
        if enough.is_set():
            return start
        run = made[start : start + BATCH]
        await shop.publish(shop.topics.user_interactions, [(one["user_id"], one) for one in run])
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("the rebalances took longer than the traffic")


async def _folded(worker: Worker, count: int) -> None:
    async def folded() -> bool:
        return await worker.value("tastestream_events_total") >= count

    await until(folded, deadline_s=60.0)


async def _partitions(worker: Worker) -> set[tuple[str, str]]:
    """Input partitions whose lag this worker reports."""
    families = await worker.metrics()
    return {(sample.labels["topic"], sample.labels["partition"]) for sample in families[LAG].samples}
