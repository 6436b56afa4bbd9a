"""Nothing is lost and nothing counts twice, however often the worker is killed."""

import asyncio
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.waiting import until
from tests.worker.exactness import check_index, check_state, until_all_committed
from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop, other_partition
from tests.worker.traffic import catalog, events, key_of, mixed
from workers.stream.partitioning import partition_of

PARTITIONS = 4
UNKNOWN_ITEMS = 5
SHARE, BATCH = 800, 100
SEED = 20_261_121


@pytest.mark.parametrize("kills", [3, pytest.param(12, marks=pytest.mark.long)])
async def test_state_and_index_are_exact_after_kills_at_random_moments(broker: str, tmp_path: Path, kills: int) -> None:
    rng = random.Random(SEED)
    # A name in the group lets a killed worker come back at once; chunks are short, so that kills meet many ends.
    worker = Worker(broker, tmp_path, instance_id="one", chunk_records=40, chunks_out=3)
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            for number, (made, items) in enumerate(_shares(kills + 1, rng)):
                publishing = asyncio.create_task(_publish(shop, made, items))
                if number < kills:
                    await _folded_some(worker, rng)
                    worker.kill()
                    if number == kills // 2:
                        shutil.rmtree(worker.data_path / "index")
                    await worker.start()
                await publishing
        await until_all_committed(worker)
        assert await worker.stop() == 0
        rows = await check_state(worker, SHARE * (kills + 1))
        await check_index(worker.data_path / "index", rows)
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


def _shares(count: int, rng: random.Random) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Events and items to publish in each life of the worker: more than it folds before its kill."""
    made, described = mixed(SHARE * count, SEED), catalog()[:-UNKNOWN_ITEMS]
    rng.shuffle(described)
    for number in range(count):
        yield made[number * SHARE : (number + 1) * SHARE], described[number::count]


async def _publish(shop: Shop, made: list[dict[str, Any]], items: list[dict[str, Any]]) -> None:
    """In batches of both, each acknowledged before the next."""
    batches = SHARE // BATCH
    for number in range(batches):
        run = made[number * BATCH : (number + 1) * BATCH]
        strays = [one for one in run if key_of(one).startswith("stray")]
        await shop.publish(shop.topics.user_interactions, [(key_of(one), one) for one in run if one not in strays])
        for one in strays:
            partition = other_partition(key_of(one), PARTITIONS)
            await shop.send(shop.topics.user_interactions, orjson.dumps(one), partition=partition)
        await shop.publish(shop.topics.item_catalog, [(one["item_id"], one) for one in items[number::batches]])


async def _folded_some(worker: Worker, rng: random.Random) -> None:
    """Wait until this process has folded a random number of events: the kill comes while more are on their way."""
    wanted = rng.randrange(20, SHARE // 2)

    async def folded() -> bool:
        return await worker.value("tastestream_events_total") >= wanted

    await until(folded, deadline_s=60.0)
