"""Two workers share the partitions: whichever worker joins or leaves meanwhile, every event is folded exactly once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    async with under_traffic(broker, folder / "first") as (first, second, shop, traffic):
        await _folded(first, 200)
        await second.start()
        await _folded(second, 200)
        assert await _partitions(first) & await _partitions(second) == set()
        assert await first.stop() == 0
        await second.until_ready()
        published = await traffic.end()
        await until_all_committed(second)
        items = await check_state(second, published)
        assert all(row.catalog is not None for row in items.values())
        await shop.publish_events(event("after", "i3"))
        assert len(await shop.ids(user_id="after", limit=100)) == 100
        assert await second.stop() == 0


async def test_partitions_are_taken_over_and_given_back_while_events_flow(broker: str, folder: Path) -> None:
    async with under_traffic(broker, folder / "stays") as (first, second, _, traffic):
        for _round in range(2):
            await second.start()
            await _folded(second, 200)
            assert await second.stop() == 0
            await first.until_ready()
            await _folded(first, 200 + int(await first.value("tastestream_events_total")))
        published = await traffic.end()
        await until_all_committed(first)
        await check_state(first, published)
        assert await first.stop() == 0


class Traffic:
    """Events that are published until `end`, which says how many there were."""

    def __init__(self, shop: Shop) -> None:
        self._enough = asyncio.Event()
        self._publishing = asyncio.create_task(_publish(shop, self._enough))

    async def end(self) -> int:
        self._enough.set()
        return await self._publishing


@asynccontextmanager
async def under_traffic(broker: str, folder: Path) -> AsyncIterator[tuple[Worker, Worker, Shop, Traffic]]:
    """A worker with a catalog and events on their way, and a twin of it that was not started."""
    first = Worker(broker, folder, index_kind="memory", chunk_records=40)
    second = first.twin()
    try:
        await first.start()
        async with open_shop(first) as shop:
            await shop.publish_items(*catalog())
            yield first, second, shop, Traffic(shop)
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
