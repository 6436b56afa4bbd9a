"""Carries the ranker's weights between workers over `ranker-weights` (compacted, keyed by worker).

Each worker publishes its own from time to time and takes the average with what others published lately. A
worker that starts takes the average of all that is there, however old: better than to start over.
"""

import asyncio
import time

import numpy as np
from mode import Service

from models.ranking.ranker import OnlineRanker
from models.ranking.ranker_weights import RankerWeights
from workers.errors import BadRecordError
from workers.metrics import Metrics
from workers.records.codes import Reason
from workers.records.out import OutRecord
from workers.records.wire import parse_object
from workers.stream.chunk import Record
from workers.stream.writer import Writer

# Workers remembered: every name that a service ever had stays on the topic.
MOST_HEARD = 256
# By how much a weight must move to be published again although nothing was learned: ten times the last digit that is
# published. A score adds up some fifty weights times up to 6. Averaging halves what is left in each round, so workers
# fall silent after a score of rounds.
SETTLED = 1e-5


class HeardWeights:
    """The last weights of each worker, by worker; to be followed by a `CompactedTopicFollower`.

    A worker whose newest record can't be used is left out. Of more than 256 workers those who published last stay.
    """

    def __init__(self) -> None:
        self.by_worker: dict[str, RankerWeights] = {}

    def apply(self, record: Record) -> None:
        """Take what a worker published; null forgets it."""
        worker_id = (record.key or b"").decode(errors="replace")
        self.by_worker.pop(worker_id, None)
        if record.value is None:
            return
        self.by_worker[worker_id] = decode_weights(record.value)
        if len(self.by_worker) > MOST_HEARD:
            del self.by_worker[min(self.by_worker, key=lambda known: self.by_worker[known].time_ms)]

    def settle(self, _: int) -> None:
        """Nothing: who merges reads them when it is time."""


def decode_weights(value: bytes) -> RankerWeights:
    """The weights in a record; raises `BadRecordError`."""
    parse_object(value)  # bounds size and nesting before anything else reads it
    try:
        return RankerWeights.unpack(value)
    except ValueError as error:
        raise BadRecordError(Reason.WRONG_TYPE, str(error)) from error


class SharedWeights(Service):
    """Publishes one worker's weights every `interval_s`, and merges those of the others; `heard` is read before."""

    def __init__(
        self,
        ranker: OnlineRanker,
        heard: HeardWeights,
        writer: Writer,
        metrics: Metrics,
        *,
        topic: str,
        worker_id: str,
        interval_s: float,
    ) -> None:
        super().__init__()
        self._ranker = ranker
        self._heard = heard
        self._writer = writer
        self._metrics = metrics
        self._topic = topic
        self._worker_id = worker_id
        self._interval_s = interval_s
        self._published = RankerWeights()

    async def on_start(self) -> None:
        heard = list(self._heard.by_worker.values())
        if heard:
            self._ranker.merge(heard, max(weights.time_ms for weights in heard))

    async def on_started(self) -> None:
        self._sharing = self.add_future(self._share_forever())

    async def on_stop(self) -> None:
        self._sharing.cancel()
        await asyncio.wait([self._sharing])

    async def _share_forever(self) -> None:
        while not self.should_stop:
            await self.sleep(self._interval_s)
            heard = self._heard.by_worker
            others = [weights for worker_id, weights in heard.items() if worker_id != self._worker_id]
            self._ranker.merge(others, int(time.time() * 1000))
            await self._publish()

    async def _publish(self) -> None:
        weights = self._ranker.weights
        self._metrics.ranker_returned.set(self._ranker.returned)
        if not self._is_news(weights):
            return
        await self._writer.send(self._topic, 0, [OutRecord(self._worker_id.encode(), weights.pack())])
        self._published = weights.copy()

    def _is_news(self, weights: RankerWeights) -> bool:
        """Whether others would merge something else than what was published last.

        What merging changed counts as well: workers that average with weights that the others no longer have would
        each end somewhere else.
        """
        if weights.examples == 0:
            return False
        moved = float(np.abs(weights.values - self._published.values).max())
        return weights.examples != self._published.examples or moved > SETTLED
