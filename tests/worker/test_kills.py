"""Nothing is lost and nothing counts twice, however often the worker is killed."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from tests.waiting import until
from tests.worker.exactness import check_index, check_state, until_all_committed
from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop, other_partition
from tests.worker.traffic import catalog, events, key_of, mixed
from workers.partitioning import partition_of

EVENTS = 6_000
PARTITIONS = 4
UNKNOWN_ITEMS = 5
KILLS = 6
BATCH = 100
SEED = 20_261_121


async def test_state_and_index_are_exact_after_kills_at_random_moments(broker: str, folder: Path) -> None:
    rng = random.Random(SEED)
    # A name in the group lets a killed worker come back at once; chunks are short, so that kills meet many ends.
    worker = Worker(broker, folder / "killed", instance_id="one", chunk_records=40, chunks_out=3)
    try:
        await worker.start()
        async with open_shop(worker) as shop, _publishing(shop, rng):
            for number in range(KILLS):
                await _folded_some(worker, rng)
                worker.kill()
                if number == KILLS // 2:
                    shutil.rmtree(worker.data_path / "index")
                await worker.start()
        await until_all_committed(worker)
        assert await worker.stop() == 0
        items = await check_state(worker, EVENTS)
        await check_index(worker.data_path / "index", items)
    finally:
        worker.kill()


async def test_a_quiet_partition_is_committed_to_its_end_too(broker: str, folder: Path) -> None:
    worker = Worker(broker, folder / "quiet", instance_id="one")
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            busy = [event for event in events(400, SEED) if partition_of(event["user_id"], 4) != 0]
            quiet = [event for event in events(400, SEED) if partition_of(event["user_id"], 4) == 0][:1]
            await shop.publish(shop.topics.user_interactions, [(e["user_id"], e) for e in quiet + busy])
            await until_all_committed(worker)
            worker.kill()
            await worker.start()
            await until_all_committed(worker)
            await check_state(worker, len(quiet + busy))
    finally:
        worker.kill()


@asynccontextmanager
async def _publishing(shop: Shop, rng: random.Random) -> AsyncIterator[None]:
    """While inside, items and events are published, slowly enough to outlast the kills; all are at the end."""
    hurry = asyncio.Event()
    publishing = asyncio.create_task(_publish(shop, rng, hurry))
    try:
        yield
        hurry.set()
        await publishing
    finally:
        publishing.cancel()


async def _publish(shop: Shop, rng: random.Random, hurry: asyncio.Event) -> None:
    made, items = mixed(EVENTS, SEED), catalog()[:-UNKNOWN_ITEMS]
    rng.shuffle(items)
    for start in range(0, EVENTS, BATCH):
        run, described = made[start : start + BATCH], items[start // BATCH * 3 :][:3]
        strays = [one for one in run if key_of(one).startswith("stray")]
        await shop.publish(shop.topics.user_interactions, [(key_of(one), one) for one in run if one not in strays])
        for one in strays:
            partition = other_partition(key_of(one), PARTITIONS)
            await shop.send(shop.topics.user_interactions, orjson.dumps(one), partition=partition)
        await shop.publish(shop.topics.item_catalog, [(one["item_id"], one) for one in described])
        if not hurry.is_set():
            await asyncio.wait({asyncio.create_task(hurry.wait())}, timeout=rng.uniform(0.0, 0.3))


async def _folded_some(worker: Worker, rng: random.Random) -> None:
    """Wait until this process has folded a random number of events: the kill comes while more are on their way."""
    wanted = rng.randrange(20, 400)

    async def folded() -> bool:
        return await worker.value("tastestream_events_total") >= wanted

    await until(folded, deadline_s=60.0)
