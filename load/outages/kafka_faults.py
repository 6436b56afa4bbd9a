"""What happens to Kafka: killed, away, absent, a changelog that somebody wrote to, producers whose clocks jump."""

import asyncio
import signal

from aiokafka import AIOKafkaProducer

from load.outages.scene import Scene

HOUR_MS = 3_600_000
ALIVE_FOR_S = 2.0
TORN_KEY, TORN_ROW = "torn", b"U\x01"


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
