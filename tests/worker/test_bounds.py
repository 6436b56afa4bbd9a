"""A worker at its bounds: it holds no more rows than it may, and nothing counts twice, however often it is killed."""

import random
from collections import Counter
from pathlib import Path

from tests.waiting import until
from tests.worker.digests import digest_of
from tests.worker.exactness import check_index, counts_of, entries_of, until_all_committed
from tests.worker.process import Worker
from tests.worker.shop import open_shop

MAX_USERS, MAX_ITEMS, MAX_UNKNOWN = 40, 120, 12
ITEMS, USERS, EVENTS, CHUNK = 30, 400, 1_800, 20
PARTITIONS = 4
T0_MS = 1_700_000_000_000
KILLS = 3


async def test_ratings_of_users_who_come_and_go_count_once_after_kills(broker: str, folder: Path) -> None:
    rng = random.Random(5)
    bounds = {"max_users": MAX_USERS, "max_items": MAX_ITEMS, "max_unknown_items": MAX_UNKNOWN}
    worker = Worker(broker, folder / "bounds", instance_id="one", chunk_records=CHUNK, **bounds)
    rated = [(f"u{rng.randrange(USERS)}", f"x{n}" if n % 7 == 0 else f"i{rng.randrange(ITEMS)}") for n in range(EVENTS)]
    try:
        await worker.start()
        async with open_shop(worker) as shop:
            await shop.publish_items(*({"item_id": f"i{n}", "title": f"Title {n}"} for n in range(ITEMS)))
            for start in range(0, EVENTS, EVENTS // KILLS):
                run = [(user, _rating(user, item, n)) for n, (user, item) in enumerate(rated)]
                await shop.publish(shop.topics.user_interactions, run[start : start + EVENTS // KILLS])
                await _dropped_some(worker)
                worker.kill()
                await worker.start()
        await until_all_committed(worker)
        assert await worker.value("tastestream_state_entries", table="users") <= MAX_USERS + CHUNK
        assert await worker.value("tastestream_state_entries", table="unknown_items") <= MAX_UNKNOWN
        assert await worker.stop() == 0
        digest = await digest_of(worker)
        assert [digest["tables"][name]["unreadable"] for name in ("users", "items", "counts")] == [0, 0, 0]
        await _check_items(worker, Counter(item for _, item in rated))
    finally:
        worker.kill()


async def _dropped_some(worker: Worker) -> None:
    """Wait until this process has dropped users and items: the kill comes while more are on their way."""

    async def dropped() -> bool:
        tables = ("users", "unknown_items")
        return all([await worker.value("tastestream_state_evictions_total", table=table) > 5 for table in tables])

    await until(dropped, deadline_s=60.0)


async def _check_items(worker: Worker, rated: Counter[str]) -> None:
    """Every item of the catalog has all of its ratings, each once, and the index shows those items and no others."""
    rows, entries = await counts_of(worker), await entries_of(worker)
    assert entries.keys() == {f"i{n}" for n in range(ITEMS)}
    known = {key: row for key, row in rows.items() if key in entries}
    assert {key: row.use.ratings for key, row in known.items()} == {f"i{n}": rated[f"i{n}"] for n in range(ITEMS)}
    assert len(rows) - ITEMS <= MAX_UNKNOWN, "tombstones leave nothing behind"
    assert all(row.use.ratings == 1 for key, row in rows.items() if key not in known)
    await check_index(worker.data_path / "index", entries)


def _rating(user: str, item: str, n: int) -> dict[str, object]:
    return {"event_type": "rating", "user_id": user, "item_id": item, "value": 4, "event_time": T0_MS + n * 1_000}
