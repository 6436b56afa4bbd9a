"""A service under traffic to which something is about to happen: its workers, broker and clients (processes)."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.broker import Broker
from infra.ports import choose_ports
from load.client.supervised import Supervised
from load.client.waiting import until
from load.faults.qdrant import QdrantProcess
from load.faults.tap import Tap
from load.faults.traffic import Traffic
from workers.settings import Settings
from workers.topics import Topics

PARTITIONS = 4
READY_WITHIN_S, RECOVER_WITHIN_S = 60.0, 120.0
STOP_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything: events a second, requests a second, kills, and seconds of the long faults.

    `kills` of several workers at peak, spread over at least `events`; `kills_alone` of one that is the only one.
    """

    rate: float
    questions: float
    kills: int
    away_s: float
    pause_s: float
    kills_alone: int = 0
    events: int = 0
    users: int = 400
    users_at_peak: int = 20_000
    warm_s: float = 3.0
    strangers: float = 0.0  # share of the events


@dataclass(slots=True)
class Window:
    """From the moment of a fault until every partition took a new event and answers came; epoch seconds."""

    began_s: float
    ended_s: float = float("inf")
    back_s: float | None = None  # when what was away came back, if it was


@dataclass(slots=True)
class Scene:
    """What a fault may touch, and what it notes: `windows` in which answers may suffer, `notes` for the table.

    `problems` are notes of what should not be; `server` holds the index where workers share one; `at_end` is done
    when no process of the scene runs any more.
    """

    broker: Broker
    folder: Path
    scale: Scale
    settings: Settings
    rng: random.Random
    workers: list[Supervised] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    at_end: list[Callable[[], None]] = field(default_factory=list)
    log_began_ms: int = 0  # when the log that is judged was made, if that was not at the start
    added: int = 0
    restarts: int = 0  # of the workers that were removed
    traffic: Traffic = field(init=False)
    server: QdrantProcess = field(init=False)
    watching: asyncio.Task[None] | None = None
    tap: Tap = field(default_factory=Tap)
    say: Callable[[str], None] = lambda line: None

    @property
    def topics(self) -> Topics:
        return Topics(self.settings.topic_prefix)

    @property
    def index_folder(self) -> Path:
        """Where the first worker keeps its index, if that is on disk."""
        return self.folder / "w0" / "index"

    def watch(self) -> None:
        """Begin to watch the users' changelog, or begin again."""
        if self.watching is not None:
            self.watching.cancel()
        self.watching = asyncio.create_task(self.tap.watch(self.broker.bootstrap, self.topics.user_state_changelog))

    def add_worker(self, *, named: bool, **settings: object) -> Supervised:
        """One more worker of the service, started; `named` in its group it may come back without a rebalance."""
        name = f"w{self.added}"
        self.added += 1
        own = {"data_path": self.folder / name, "web_port": choose_ports(0)[0], "instance_id": name if named else None}
        worker = Supervised(self.settings.model_copy(update={**own, **settings}), self.folder / f"{name}.log")
        self.workers.append(worker)
        worker.start()
        return worker

    async def remove_worker(self, worker: Supervised) -> None:
        """Stop a worker in order; notes a late end and an exit code that is not 0."""
        self.workers.remove(worker)
        self.restarts += len(worker.ends)
        code, seconds = await worker.stop()
        if code or seconds > STOP_WITHIN_S:
            self.problems.append(f"stop took {seconds:.1f} s, exit code {code}")

    def now_s(self) -> float:
        """Epoch seconds, the clock of record times."""
        return time.time()

    async def until_ready(self) -> None:
        """Wait until every worker is ready."""
        for worker in list(self.workers):
            await until(worker.ready, READY_WITHIN_S, f"ready (see {worker.log_file})")

    @asynccontextmanager
    async def window(self) -> AsyncIterator[Window]:
        """A fault inside, and the time until every partition took a new event after it."""
        window = Window(time.time())
        self.windows.append(window)
        yield window
        await self.recovered()
        window.ended_s = time.time()
        self.say(
            f"fault {len(self.windows)}: {self.tap.stall_s(window.began_s, window.ended_s):.1f} s without a new event"
        )

    async def recovered(self) -> None:
        """Wait until every partition has taken an event from now on, and every request asked before has its answer."""
        now_s = time.time()
        waiting = [one.reply for one in self.traffic.asked if not one.reply.done()]

        def all_moved() -> bool:
            last = self.tap.last_s()
            moved = len(last) == self.settings.user_partitions and min(last.values()) > now_s
            return moved and all(reply.done() for reply in waiting)

        await until(all_moved, RECOVER_WITHIN_S, "a new event in every partition, and answers")
