"""One deployment of a proof: its topics on a shared broker, its log, its workers (processes, Kafka)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from infra.broker import Broker
from infra.ports import choose_ports
from load.client.backlog import Backlog, open_backlog
from load.client.kafka import bulk_producer
from load.client.publisher import Publisher, Record
from load.client.supervised import Supervised
from load.client.waiting import until
from load.datasets.errors import LoadError
from workers.admin.state.changelog import State, read_state
from workers.runtime.run import prepare_topics
from workers.settings import Settings, load_settings
from workers.topics import Topics

READY_WITHIN_S, FOLDED_WITHIN_S = 120.0, 600.0
# A killed worker's partitions are free after so long; its successor has them sooner, as it is the same member.
SESSION_TIMEOUT_S = 6.0
# Records a turn of publication: whole batches for all partitions.
TURN = 5_000


class ProveService:
    """Workers of one deployment, which start again whenever they end."""

    def __init__(self, settings: Settings, folder: Path, backlog: Backlog) -> None:
        self.settings = settings
        self.workers: list[Supervised] = []
        self.ends = 0
        self._folder = folder
        self._backlog = backlog
        self._added = 0

    async def publish(self, catalog: Sequence[Record], log: Sequence[Record]) -> None:
        """Catalog first, then the log, each partition in this order."""
        topics = Topics(self.settings.topic_prefix)
        async with bulk_producer(self.settings.bootstrap_servers) as producer:
            publisher = Publisher(producer)
            for topic, records in ((topics.item_catalog, catalog), (topics.user_interactions, log)):
                for start in range(0, len(records), TURN):
                    await asyncio.gather(*await publisher.send(topic, records[start : start + TURN]))

    async def add_worker(self) -> None:
        """One more worker, until it is ready."""
        name = f"w{self._added}"
        self._added += 1
        own = {"data_path": self._folder / name, "web_port": choose_ports(0)[0], "instance_id": name}
        worker = Supervised(self.settings.model_copy(update=own), self._folder / f"{name}.log")
        self.workers.append(worker)
        worker.start()
        await until(worker.ready, READY_WITHIN_S, f"ready (see {worker.log_file})")

    async def remove_worker(self) -> None:
        """Stop the youngest worker in order, once it is ready; raises LoadError if it does not end well."""
        worker = self.workers.pop()
        await until(worker.ready, READY_WITHIN_S, f"ready (see {worker.log_file})")
        self.ends += len(worker.ends)
        code, _ = await worker.stop()
        if code:
            raise LoadError(f"a worker was stopped and ended with exit code {code}; see {worker.log_file}")

    async def left(self, topic: str | None = None) -> int:
        """Records that are not committed yet, of one topic or of all."""
        left = await self._backlog.left()
        return left.total() if topic is None else left[topic]

    async def finish(self) -> State:
        """Wait until all is folded, stop the workers, read the state."""

        async def nothing_left() -> bool:
            return not await self.left()

        await until(nothing_left, FOLDED_WITHIN_S, "all records are folded and committed")
        while self.workers:
            await self.remove_worker()
        return await read_state(self.settings)


@asynccontextmanager
async def prove_service(broker: Broker, folder: Path, name: str, **settings: object) -> AsyncIterator[ProveService]:
    """A deployment with empty topics and no workers; those that are added end with it."""
    common = load_settings(
        bootstrap_servers=broker.bootstrap,
        security_protocol="PLAINTEXT",
        topic_prefix=f"{name}.",
        app_id=name,
        session_timeout_s=SESSION_TIMEOUT_S,
        **settings,
    )
    await prepare_topics(common)
    topics = Topics(common.topic_prefix)
    inputs = (topics.item_catalog, topics.user_interactions, topics.interactions_rerouted, topics.item_transitions)
    async with open_backlog(common.bootstrap_servers, common.app_id, inputs) as backlog:
        service = ProveService(common, folder / name, backlog)
        try:
            yield service
        finally:
            for worker in service.workers:
                worker.discard()
