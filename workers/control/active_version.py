"""Which version of the collaborative vectors answers, as `item-vectors-versions` says; answers ask once each."""

import logging

from workers.control.versions import Versions
from workers.items.points import COLLABORATIVE_SPACES
from workers.metrics import Metrics
from workers.stream.chunk import Record

log = logging.getLogger(__name__)


class ActiveVersion:
    """`space`: the index's vectors that answers use now, None for none; `version`: which ones these are.

    An answer reads it once: an answer never mixes two versions. To be followed by a `CompactedTopicFollower`.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.space: str | None = None
        self.version: int | None = None
        self._metrics = metrics
        self._versions = Versions()

    def apply(self, record: Record) -> None:
        """Take what the record says of a slot or of the pointer."""
        self._versions.load(record.key, record.value)

    def settle(self, _: int) -> None:
        """Switch: slots and pointer that came together count together."""
        slot = self._versions.active_slot()
        version = None if slot is None else self._versions.pointer.active
        if version != self.version:
            log.info("collaborative vectors: version %s answers, before it %s", version, self.version)
        self.space, self.version = None if slot is None else COLLABORATIVE_SPACES[slot], version
        self._metrics.set_vectors_version(version or 0)
