"""What happens to workers' processes: killed, stopped, put to sleep, more of them, fewer of them."""

import asyncio
import signal
from functools import partial

from aiokafka.admin import AIOKafkaAdminClient

from load.client.waiting import until
from load.faults.logs import last_values
from load.faults.scene import PARTITIONS, Scene
from models.state.user_state import UserState

MORE_THAN_PARTITIONS = PARTITIONS + 2
PUBLISHED_WITHIN_S = 600.0


async def kill_at_peak(scene: Scene) -> None:
    """kill -9 of one worker after the other, spread over all events; each is started again by its supervisor."""
    scale = scene.scale
    for number in range(1, scale.kills + 1):
        due = scale.events * number // (scale.kills + 1)
        await until(partial(_published, scene, due), PUBLISHED_WITHIN_S, f"{due:,} events published")
        async with scene.window():
            scene.rng.choice(scene.workers).signal(signal.SIGKILL)


async def kill_alone(scene: Scene) -> None:
    """kill -9 of the only worker, again and again."""
    for _ in range(scene.scale.kills_alone):
        async with scene.window():
            scene.workers[0].signal(signal.SIGKILL)
        await asyncio.sleep(scene.rng.uniform(0.0, 1.0))


async def rebalance(scene: Scene) -> None:
    """1 → 2 → 3 → 2 → 1 workers, then more than there are partitions, then one again."""
    for _ in range(2):
        async with scene.window():
            await _add(scene)
    while len(scene.workers) > 1:
        async with scene.window():
            await scene.remove_worker(scene.workers[-1])
    async with scene.window():
        while len(scene.workers) < MORE_THAN_PARTITIONS:
            scene.add_worker(named=False)
        await scene.until_ready()
    async with scene.window():
        await asyncio.gather(*(scene.remove_worker(worker) for worker in scene.workers[1:]))


async def stop_in_chunk(scene: Scene) -> None:
    """SIGTERM while chunks are folded: drained in time, and nothing that was folded is left to be folded again."""
    [worker] = scene.workers
    for _ in range(3):
        async with scene.window():
            await scene.remove_worker(worker)
            if ahead := await rows_ahead(scene):
                scene.problems.append(f"{ahead} rows ahead of the commit after an orderly stop")
            scene.workers.append(worker)
            worker.start()


async def sleep_through_session(scene: Scene) -> None:
    """SIGSTOP for longer than the session, then SIGCONT: a zombie beside its successor."""
    sleeper = scene.workers[0]
    async with scene.window():
        sleeper.signal(signal.SIGSTOP)
        await asyncio.sleep(scene.scale.pause_s)
    async with scene.window():
        before = sleeper.joined()
        sleeper.signal(signal.SIGCONT)
        # It says that it is ready until it notices: it rejoins, or is refused and ends.
        await until(lambda: sleeper.joined() > before, 60.0, "the sleeper is a member again")
        await until(sleeper.ready, 60.0, "the sleeper is back")
    scene.notes.append(f"the sleeper ended with {sleeper.ends or 'nothing'}")


async def rows_ahead(scene: Scene) -> int:
    """User rows that hold an event above what is committed: these would be folded again at the next start."""
    rows = await last_values(scene.broker.bootstrap, scene.topics.user_state_changelog)
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.broker.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(scene.settings.app_id)
    finally:
        await admin.close()
    committed = {
        tp.partition: meta.offset for tp, meta in offsets.items() if tp.topic == scene.topics.user_interactions
    }
    marks = (UserState.unpack(row).watermarks.items() for row in rows.values())
    # Higher lanes are those of records that came by way of another topic.
    return sum(any(offset >= committed.get(lane, 0) for lane, offset in row if lane < PARTITIONS) for row in marks)


async def _add(scene: Scene) -> None:
    worker = scene.add_worker(named=False)
    await until(worker.ready, 60.0, "the new worker is ready")


def _published(scene: Scene, events: int) -> bool:
    return scene.traffic.published >= events
