"""Reads requests beside the group (I/O): a consumer of their own that follows the user state.

Requests do not queue behind ingest: sharing one consumer, a poll that waits for a busy partition
holds up all others by aiokafka's prefetch back-off (100 ms).
"""

from collections.abc import Callable, Iterable

from aiokafka import TopicPartition
from mode import Service

from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.consumers import committed_reader
from workers.stream.reader import Reader, Route, Standing


class RequestReader(Service):
    """Reads one topic in the partitions whose state is here; commits to an offsets-only group of its own."""

    def __init__(
        self,
        options: ClientOptions,
        topic: str,
        route: Route,
        owned_partitions: Callable[[], Iterable[int]],
        *,
        group_id: str,
        commit_interval_s: float,
        drain_timeout_s: float,
        patience_s: float,
    ) -> None:
        super().__init__()
        self._options = options
        self._topic = topic
        self._route = route
        self._owned_partitions = owned_partitions
        self._group_id = group_id
        self._commit_interval_s = commit_interval_s
        self._drain_timeout_s = drain_timeout_s
        self._patience_s = patience_s

    async def on_start(self) -> None:
        self._consumer = await connect(
            lambda: committed_reader(self._options, group_id=self._group_id, auto_offset_reset="earliest"),
            patience_s=self._patience_s,
        )
        self._reader = Reader(
            self._consumer,
            {self._topic: self._route},
            commit_interval_s=self._commit_interval_s,
            drain_timeout_s=self._drain_timeout_s,
        )
        await self.add_runtime_dependency(self._reader)

    async def on_stop(self) -> None:
        await self._reader.close()
        await disconnect(self._consumer)

    def lag(self) -> dict[TopicPartition, int]:
        """Requests not yet answered, per owned partition."""
        return self._reader.lag()

    async def standings(self) -> dict[TopicPartition, Standing]:
        """How far each partition is that is open now."""
        return await self._reader.standings()

    async def lost(self) -> None:
        """Answer what was taken, and take nothing more."""
        await self._reader.close()
        self._consumer.unsubscribe()

    async def owned(self) -> None:
        """Go on from the last commit, in the partitions that are ours now."""
        tps = [TopicPartition(self._topic, p) for p in self._owned_partitions()]
        if tps:
            self._consumer.assign(tps)
        self._reader.open(tps)
