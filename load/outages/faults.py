"""The faults, one function each: what is done to a scene under traffic (processes, Kafka, files)."""

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from load.errors import LoadError
from load.outages.logs import last_values
from load.outages.scene import PARTITIONS, Scene, until
from load.outages.supervised import Supervised
from models.user_state import UserState

MORE_THAN_PARTITIONS = PARTITIONS + 2
HOUR_MS = 3_600_000
ALIVE_FOR_S = 2.0
OVERWRITTEN_BYTES = 64
TORN_KEY, TORN_ROW = "torn", b"U\x01"


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table: `act` on a service of `workers` workers; `named`: static members of their group."""

    name: str
    act: Callable[[Scene], Awaitable[None]]
    workers: int = 1
    index: str = "edge"
    named: bool = True


async def kill_workers(scene: Scene) -> None:
    """kill -9 of one worker after the other; each is started again by its supervisor."""
    for _ in range(scene.scale.kills):
        async with scene.window():
            scene.rng.choice(scene.workers).signal(signal.SIGKILL)
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


async def kill_broker(scene: Scene) -> None:
    """kill -9 of the broker, started again at once."""
    async with scene.window() as window:
        await asyncio.to_thread(scene.broker.kill)
        await asyncio.to_thread(scene.broker.start)
        window.back_s = scene.now_s()


async def broker_away(scene: Scene) -> None:
    """The broker stops and stays away for a while."""
    async with scene.window() as window:
        await asyncio.to_thread(scene.broker.stop)
        await asyncio.sleep(scene.scale.away_s)
        await asyncio.to_thread(scene.broker.start)
        window.back_s = scene.now_s()


async def broker_absent_at_start(scene: Scene) -> None:
    """Workers start before there is a broker."""
    async with scene.window() as window:
        for worker in scene.workers:
            worker.discard()
        await asyncio.to_thread(scene.broker.stop)
        for worker in scene.workers:
            worker.start()
        await asyncio.sleep(scene.scale.away_s / 4)
        await asyncio.to_thread(scene.broker.start)
        window.back_s = scene.now_s()


async def stop_in_chunk(scene: Scene) -> None:
    """SIGTERM while chunks are folded: drained in time, and nothing that was folded is left to be folded again."""
    [worker] = scene.workers
    for _ in range(3):
        async with scene.window():
            await scene.remove_worker(worker)
            if ahead := await rows_ahead(scene):
                scene.notes.append(f"{ahead} rows ahead of the commit after an orderly stop")
            scene.workers.append(worker)
            worker.start()


async def sleep_through_session(scene: Scene) -> None:
    """SIGSTOP for longer than the session, then SIGCONT: a zombie beside its successor."""
    sleeper = scene.workers[0]
    async with scene.window():
        sleeper.signal(signal.SIGSTOP)
        await asyncio.sleep(scene.scale.pause_s)
    async with scene.window():
        sleeper.signal(signal.SIGCONT)
        await until(sleeper.ready, 60.0, "the sleeper is back")
    scene.notes.append(f"the sleeper ended with {sleeper.ends or 'nothing'}")


async def second_worker_on_same_folder(scene: Scene) -> None:
    """Another worker is given the folder of one that runs: it must refuse, and harm nothing."""
    async with scene.window():
        intruder = scene.add_worker(named=False, data_path=scene.workers[0].settings.data_path)
        await until(lambda: bool(intruder.ends), 60.0, "the second worker ends")
        scene.workers.remove(intruder)
        intruder.discard()
        scene.notes.append(f"the second worker ended with {intruder.ends[0]}")


async def lose_index(scene: Scene) -> None:
    """kill -9, and the folder of the index is gone."""
    [worker] = scene.workers
    async with scene.window():
        worker.discard()
        shutil.rmtree(_index_of(worker))
        worker.start()


async def corrupt_index(scene: Scene) -> None:
    """kill -9, and files of the index are overwritten: the worker refuses them until somebody deletes the folder."""
    [worker] = scene.workers
    folder = _index_of(worker)
    async with scene.window():
        worker.discard()
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size):
            with file.open("r+b") as content:
                content.write(b"\xff" * min(OVERWRITTEN_BYTES, file.stat().st_size))
        worker.start()
        await until(lambda: bool(worker.ends), 60.0, "the worker refuses a corrupted index")
        worker.discard()
        scene.notes.append(f"refused with exit code {worker.ends[0]}")
        shutil.rmtree(folder)
        worker.start()


async def tear_changelog(scene: Scene) -> None:
    """A row that no worker wrote, and that can't be read, appears in the changelog; all are killed and recover."""
    producer = AIOKafkaProducer(bootstrap_servers=scene.broker.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(scene.topics.user_state_changelog, TORN_ROW, key=TORN_KEY.encode(), partition=0)
    finally:
        await producer.stop()
    async with scene.window():
        for worker in scene.workers:
            worker.signal(signal.SIGKILL)


async def clock_jumps(scene: Scene) -> None:
    """Producers' clocks jump an hour ahead, then an hour back."""
    for shift_ms in (HOUR_MS, -HOUR_MS, 0):
        async with scene.window():
            scene.traffic.shift_ms = shift_ms
        await asyncio.sleep(ALIVE_FOR_S)


FAULTS = (
    Fault("kill -9 of a worker", kill_workers, workers=3, index="memory"),
    Fault("kill -9 of the only worker", kill_workers),
    Fault("rebalance 1→2→3→2→1→6→1", rebalance, index="memory", named=False),
    Fault("kill -9 of the broker", kill_broker),
    Fault("broker away", broker_away),
    Fault("broker absent at start", broker_absent_at_start),
    Fault("SIGTERM in a chunk", stop_in_chunk),
    Fault("SIGSTOP beyond the session", sleep_through_session, workers=2, index="memory", named=False),
    Fault("index folder in use", second_worker_on_same_folder),
    Fault("index lost", lose_index),
    Fault("index corrupted", corrupt_index),
    Fault("torn row in the changelog", tear_changelog),
    Fault("record times ± 1 h", clock_jumps),
)
NOT_RUN = {
    "Qdrant server down, hung, slow, old": "these runs have no server; tests/index has its faults",
    "worker's clock ± 1 h": "needs a clock of its own for a process (faketime); record times are shifted instead",
}


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
    return sum(any(offset >= committed.get(partition, 0) for partition, offset in row) for row in marks)


async def _add(scene: Scene) -> None:
    worker = scene.add_worker(named=False)
    await until(worker.ready, 60.0, "the new worker is ready")


def _index_of(worker: Supervised) -> Path:
    folder = worker.settings.data_path / "index"
    if not folder.is_dir():
        raise LoadError(f"there is no index in {folder}")
    return folder
