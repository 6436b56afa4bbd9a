"""A worker whose index is on a server of the test's own, and what is asked of it in the tests of outages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from infra.qdrant_stub_process import StubProcess
from tests.waiting import until, until_passes
from tests.worker.exactness import DIM, check_shown, check_state, until_all_committed
from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop
from tests.worker.traffic import catalog, events
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.items.points import ItemPoints

# What an answer to a user with a past says while the index is away: it has no other source of what is like the taste.
WITHOUT_INDEX = ["index", "taste"]
# Below the 500 ms of the slow server, and above what the stub takes on a busy machine.
TIMEOUT_MS = 400


class SharedShop:
    """A shop, the server behind it, and the number of events published so far."""

    def __init__(self, shop: Shop, server: StubProcess) -> None:
        self.shop = shop
        self.server = server
        self.worker = shop.worker
        self.published = 0

    async def publish(self, count: int, seed: int) -> None:
        """Publish events of the crowd, and wait for nothing."""
        made = [(one["user_id"], {**one, "event_id": f"{seed}-{one['event_id']}"}) for one in events(count, seed)]
        await self.shop.publish(self.shop.topics.user_interactions, made)
        self.published += count

    async def publish_items(self, *items: dict[str, Any]) -> None:
        """Publish catalog records, and wait for nothing."""
        await self.shop.publish(self.shop.topics.item_catalog, [(item["item_id"], item) for item in items])

    async def remove(self, item_id: str) -> None:
        """Publish a tombstone, and wait for nothing."""
        await self.shop.publish(self.shop.topics.item_catalog, [(item_id, None)])

    async def degraded(self, user: str = "u1") -> list[str]:
        """What an answer lacks; it has items whatever it lacks."""
        reply = await self.shop.ask(user_id=user, limit=10)
        assert reply.get("items"), reply
        found: list[str] = reply["degraded"]
        return found

    async def whole_answer(self, **body: Any) -> list[str]:
        """Ids of the items of the first answer that lacks nothing."""

        async def lacks_nothing() -> list[str]:
            reply = await self.shop.ask(**body)
            assert reply["degraded"] == []
            return [item["item_id"] for item in reply["items"]]

        return await until_passes(lacks_nothing)

    async def until_degraded(self) -> None:
        """Wait until answers to users with a past do without the index."""
        await until(self._does_without)

    async def until_whole(self) -> None:
        """Wait until answers lack nothing."""
        await until(self._lacks_nothing)

    async def check(self) -> None:
        """Wait until all is folded; then state and index are exactly what the log says."""
        await until_all_committed(self.worker)
        items = await check_state(self.worker, self.published)
        index = QdrantServerIndex(ServerOptions(self.server.url, read_timeout_s=10.0))
        await index.ensure(ItemPoints(DIM).schema)
        try:
            await check_shown(index, items)
        finally:
            await index.close()

    async def _does_without(self) -> bool:
        return await self.degraded() == WITHOUT_INDEX

    async def _lacks_nothing(self) -> bool:
        return await self.degraded() == []


def sharing_worker(bootstrap: str, folder: Path, server: StubProcess, **settings: object) -> Worker:
    """A worker with its index on `server`; not started."""
    shared = {"index_kind": "server", "qdrant_url": server.url, "qdrant_timeout_ms": TIMEOUT_MS}
    shared["compared_items"] = 0  # so that answers need it, few as the items are
    return Worker(bootstrap, folder, **{**shared, "chunk_records": 40, **settings})


@asynccontextmanager
async def shared_shop(bootstrap: str, folder: Path) -> AsyncIterator[SharedShop]:
    """A running server and worker with a catalog of 150 items and 400 events; what the worker says at the end."""
    server = await StubProcess(folder / "server").start()
    worker = sharing_worker(bootstrap, folder / "worker", server, instance_id="one")
    try:
        await worker.start()
        async with open_shop(worker) as client:
            shared = SharedShop(client, server)
            await shared.publish_items(*catalog())
            await shared.publish(400, seed=1)
            await client.until_folded(deadline_s=60.0)
            await shared.until_whole()
            yield shared
        if worker.exit_code is None:
            assert await worker.stop() == 0, worker.log[-4000:]
    finally:
        worker.kill()
        server.kill()
