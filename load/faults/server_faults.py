"""What happens to the Qdrant server that workers share: down, hung, slow, back with old data."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from load.client.supervised import Supervised
from load.client.waiting import until
from load.faults.scene import Scene

WHOLE_WITHIN_S = 120.0
INDEX_UP = "tastestream_index_up"


async def server_down(scene: Scene) -> None:
    """kill -9 of the server; it comes back after a while."""
    async with _index_away(scene):
        scene.server.kill()
        await asyncio.sleep(scene.scale.away_s / 4)
        await scene.server.start()


async def server_hung(scene: Scene) -> None:
    """The server accepts connections and never answers, for a while."""
    async with _index_away(scene):
        scene.server.signal(signal.SIGSTOP)
        await asyncio.sleep(scene.scale.away_s / 4)
        scene.server.signal(signal.SIGCONT)


async def server_slow(scene: Scene) -> None:
    """Each call takes 500 ms, for a while."""
    async with _index_away(scene):
        scene.server.signal(signal.SIGUSR1)
        await asyncio.sleep(scene.scale.away_s / 4)
        scene.server.signal(signal.SIGUSR2)


async def server_set_back(scene: Scene) -> None:
    """The server is restored from a snapshot that was taken before the last events."""
    async with _index_away(scene):
        scene.server.kill()
        scene.server.snapshot()
        await scene.server.start()
    await asyncio.sleep(scene.scale.away_s / 4)
    async with _index_away(scene):
        scene.server.kill()
        scene.server.restore()
        await scene.server.start()


@asynccontextmanager
async def _index_away(scene: Scene) -> AsyncIterator[None]:
    """A window that lasts until every worker answers from the whole index again."""
    async with scene.window() as window:
        yield
        window.back_s = scene.now_s()
        for worker in scene.workers:
            await until(partial(_is_whole, worker), WHOLE_WITHIN_S, f"the index is up (see {worker.log_file})")


async def _is_whole(worker: Supervised) -> bool:
    scrape = await worker.scrape()
    return scrape is not None and scrape.total(INDEX_UP) == 1
