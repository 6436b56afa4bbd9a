"""Waits until the workers have folded what was published, and shows how far they are (touches Kafka).

A worker commits a record only after its effects, so what its group has committed is in the next answer.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import Progress, TaskID

from load.datasets.errors import LoadError
from workers.admin.bars import rate_bar
from workers.messages.plurals import counted
from workers.settings import Settings
from workers.stream.backlog import Backlog, open_backlog
from workers.stream.security import client_options
from workers.topics import Topics

POLL_EVERY_S = 0.5
# A worker joins its group some seconds after it was started, in the background of the same shell for example.
WORKER_WITHIN_S = 30.0
COORDINATOR_WITHIN_S = 20.0


async def until_folded(settings: Settings, bars: Console | None) -> None:
    """Return when all that is published now is in answers; raises LoadError if no worker is there to fold it.

    What is published meanwhile is not waited for. `bars` shows progress, None nothing.
    """
    topics, users, items = Topics(settings.topic_prefix), settings.user_partitions, settings.item_partitions
    try:
        async with open_backlog(client_options(settings), settings.app_id) as backlog:
            with rate_bar(bars) as bar:
                watch = _Watch(backlog, bar, settings.app_id)
                await watch.wait("Folding", {topics.item_catalog: items, topics.user_interactions: users})
                await watch.wait("Forwarded events", {topics.interactions_rerouted: users})
                await watch.wait("Counting in items", {topics.item_transitions: items})
    except KafkaError as error:
        raise LoadError(f"how far the worker is can't be read: {error!r}; is Kafka up?") from error


async def behind(settings: Settings) -> int:
    """How many records of items and events are published and not folded yet; raises LoadError if Kafka does not say."""
    topics = Topics(settings.topic_prefix)
    try:
        async with open_backlog(client_options(settings), settings.app_id) as backlog:
            ends = await backlog.ends(topics.item_catalog, settings.item_partitions)
            ends |= await backlog.ends(topics.user_interactions, settings.user_partitions)
            return await _left(backlog, ends)
    except KafkaError as error:
        raise LoadError(f"how far the worker is can't be read: {error!r}; is Kafka up?") from error


class _Watch:
    """Polls one group until it has committed the ends of some topics."""

    def __init__(self, backlog: Backlog, bar: Progress, group: str) -> None:
        self._backlog = backlog
        self._bar = bar
        self._group = group
        self._seen_s = _now()

    async def wait(self, what: str, partitions: Mapping[str, int]) -> None:
        """Return when nothing is left of these topics, as they are now."""
        ends: dict[TopicPartition, int] = {}
        for topic, count in partitions.items():
            ends |= await self._backlog.ends(topic, count)
        total = left = await _left(self._backlog, ends)
        task: TaskID | None = self._bar.add_task(what, total=total) if total else None
        while left and task is not None:
            await self._check_workers(left)
            await asyncio.sleep(POLL_EVERY_S)
            left = await _left(self._backlog, ends)
            self._bar.update(task, completed=total - left)

    async def _check_workers(self, left: int) -> None:
        with suppress(KafkaError):  # a group that is moving has no coordinator for a moment
            if await self._backlog.members():
                self._seen_s = _now()
        if _now() - self._seen_s > WORKER_WITHIN_S:
            raise LoadError(
                f"no worker is in the group {self._group}, and {counted(left, 'record')} wait for one: "
                "start it with `tastestream worker`; --no-wait publishes only"
            )


async def _left(backlog: Backlog, ends: Mapping[TopicPartition, int]) -> int:
    """What a group has left; a broker that never had a group has no coordinator for some seconds."""
    deadline = _now() + COORDINATOR_WITHIN_S
    while True:
        try:
            return await backlog.left(ends)
        except KafkaError as error:
            if not error.retriable or _now() > deadline:
                raise
        await asyncio.sleep(POLL_EVERY_S)


def _now() -> float:
    return asyncio.get_running_loop().time()
