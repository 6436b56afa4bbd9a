"""What happens to Kafka: killed, away, absent, a changelog with foreign records, a topic that is gone."""

import asyncio
import signal

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from load.client.waiting import until
from load.faults.scene import PARTITIONS, Scene
from models.state.user_state import UserState
from workers.admin.rebuild.run import empty_state, plan_rebuild
from workers.errors import EXIT_MISCONFIGURED

TRUNCATED_KEY, TRUNCATED_ROW = "truncated", UserState().pack()[:5]
MALFORMED_KEY, MALFORMED_ROW = "malformed", b"{}"


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
    """Rows that no worker wrote appear in a changelog, then all are killed.

    A truncated one harms its own user only; with a malformed one they wait for an operator to write its tombstone.
    """
    changelog = scene.topics.user_state_changelog
    await _write(scene, changelog, TRUNCATED_KEY, TRUNCATED_ROW)
    async with scene.window():
        for worker in scene.workers:
            worker.signal(signal.SIGKILL)
    await _write(scene, changelog, MALFORMED_KEY, MALFORMED_ROW)
    async with scene.window() as window:
        for worker in scene.workers:
            worker.signal(signal.SIGKILL)
        await until(lambda: EXIT_MISCONFIGURED in scene.workers[0].ends, 60.0, "the malformed row is refused")
        await _write(scene, changelog, MALFORMED_KEY, None)
        window.back_s = scene.now_s()
    scene.notes.append(f"the malformed row was refused with exit code {EXIT_MISCONFIGURED}")


async def recreate_topic(scene: Scene) -> None:
    """`user-interactions` is deleted and created again: the worker waits for an operator, who has it rebuilt."""
    [worker] = scene.workers
    async with scene.window() as window:
        await _recreate(scene)
        await until(lambda: EXIT_MISCONFIGURED in worker.ends, 120.0, "the worker notices that the topic is another")
        worker.discard()
        # Answers from the log that is gone can't be judged by the new one.
        scene.traffic.asked[:] = [one for one in scene.traffic.asked if not one.reply.done()]
        scene.log_began_ms = int(scene.now_s() * 1000)
        await empty_state(worker.settings, await plan_rebuild(worker.settings))
        scene.watch()
        worker.start()
        window.back_s = scene.now_s()
    scene.notes.append(f"refused with exit code {EXIT_MISCONFIGURED} until a rebuild")


async def _write(scene: Scene, topic: str, key: str, value: bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=scene.broker.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=key.encode(), partition=0)
    finally:
        await producer.stop()


async def _recreate(scene: Scene) -> None:
    spec = next(s for s in scene.topics.specs(PARTITIONS, PARTITIONS) if s.name == scene.topics.user_interactions)
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.broker.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([spec.name])

        async def created() -> bool:
            new = NewTopic(spec.name, spec.partitions, 1, topic_configs=dict(spec.config))
            answer = await admin.create_topics([new])
            return not any(error[1] for error in answer.topic_errors)

        await until(created, 30.0, f"{spec.name} is created again")
    finally:
        await admin.close()
