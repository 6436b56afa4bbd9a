"""`experiments` (compacted, keyed by name) → the experiments that run, in every worker within a second."""

import logging

from workers.control.definitions import Definitions
from workers.control.running import Running
from workers.metrics import Metrics
from workers.stream.chunk import Record

log = logging.getLogger(__name__)


class SharedExperiments:
    """Keeps `running` as the topic says; to be followed by a `CompactedTopicFollower`."""

    def __init__(self, running: Running, metrics: Metrics) -> None:
        self._running = running
        self._metrics = metrics
        self._definitions = Definitions()

    def apply(self, record: Record) -> None:
        """Take a definition, or the end of one."""
        self._definitions.apply(record)

    def settle(self, _: int) -> None:
        """Run what the definitions say together: two of them may not fit each other."""
        waiting = self._running.replace(self._definitions.current)
        for name, problem in waiting.items():
            log.warning("experiment %s waits: %s", name, problem)
        self._metrics.set_experiments(len(self._running), len(waiting), [one[0] for one in self._running.scored])
