"""Two workers share an index on a server: each answers with every item, and nothing is missing."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.qdrant_stub_process import StubProcess
from models.evaluation.experiment import assign
from tests.experiments.builders import definition
from tests.waiting import until, until_passes
from tests.worker.builders import event
from tests.worker.sharing import SharedShop, sharing_worker
from tests.worker.shop import open_shop
from tests.worker.tool import tastestream
from tests.worker.traffic import catalog
from workers.stream.partitioning import partition_of

USERS = [f"u{n}" for n in range(24)]
# Two workers and the stub share the test's machine: what is tested here is what they see, not how fast.
UNHURRIED_MS = 5_000
LAG = "tastestream_consumer_lag_records"
pytestmark = pytest.mark.timeout(300)


async def test_every_answer_of_either_worker_sees_all_items_and_lacks_nothing(broker: str, tmp_path: Path) -> None:
    server = await StubProcess(tmp_path / "server").start()
    first = sharing_worker(broker, tmp_path / "first", server, qdrant_timeout_ms=UNHURRIED_MS)
    second = first.twin()
    try:
        await first.start()
        await second.start()
        await first.until_ready()
        async with open_shop(first) as client:
            shared = SharedShop(client, server)
            await shared.publish_items(*catalog())
            await shared.publish(300, seed=11)
            await shared.check()
            ours, theirs = await first.metrics(), await second.metrics()
            parts = [{s.labels["partition"] for s in found[LAG].samples} for found in (ours, theirs)]
            assert parts[0] and parts[1] and not parts[0] & parts[1]
            assert {partition_of(user, 4) for user in USERS} == set(range(4))

            async def whole() -> bool:
                return all([await shared.degraded(user) == [] for user in USERS])

            await until(whole)
            for user in USERS:
                reply = await client.ask(user_id=f"guest-of-{user}", limit=100)
                assert (len(reply["items"]), reply["degraded"]) == (100, [])
            await _sees_what_the_other_owns(shared)
            await _is_in_the_same_experiment(shared, tmp_path)
        assert [await first.stop(), await second.stop()] == [0, 0]
    finally:
        first.kill()
        second.kill()
        server.kill()


async def _sees_what_the_other_owns(shared: SharedShop) -> None:
    """An event changes the answers of every user, whichever worker owns the item; a removed item leaves all of them."""
    shop = shared.shop
    await shop.publish_events(event("pair", "i3"), event("pair", "i140", "purchase"))

    async def seen() -> None:  # by who follows the item a moment after it is committed
        for user in USERS[:6]:
            assert "i140" in await shop.ids(user_id=f"visitor-{user}", kind="similar_items", item_ids=["i3"], limit=100)

    async def gone() -> None:
        for user in USERS:
            assert "i140" not in await shop.ids(user_id=user, limit=100)

    await until_passes(seen)
    await shop.delete_item("i140")
    await until_passes(gone)


async def _is_in_the_same_experiment(shared: SharedShop, folder: Path) -> None:
    """Who gets which variant depends on the user, not on the worker that answers; the lines of both say it."""
    shop, file = shared.shop, folder / "trial.json"
    file.write_bytes(orjson.dumps(definition("home-list")))
    assert (await tastestream(shop.worker, "experiment", "put", str(file))).code == 0
    expected = {user: f"home-list/{('as-now', 'varied')[assign(user, 'home-list', (1, 1))]}" for user in USERS}
    assert len(set(expected.values())) == 2

    async def all_take_part() -> list[dict[str, Any]]:
        replies = {user: await shop.ask(user_id=user) for user in USERS}
        assert {user: reply["variant"] for user, reply in replies.items()} == expected
        return list(replies.values())

    lines = await shop.served(*await until_passes(all_take_part))
    assert {line["user_id"]: line["variant"] for line in lines} == expected
