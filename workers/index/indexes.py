"""The index as the parts of a worker see it: who may wait for it, and how much it takes at once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.index.patient import PatientIndex
from workers.index.port import Index

if TYPE_CHECKING:
    from workers.index.server import QdrantServerIndex

# Items in one write: 5 ms of work in this process, in pieces of 1 to 2 ms; with 8 at once an item costs a third more. A
# server takes more of them side by side, and each write costs a round trip.
SLICE_IN_PROCESS, SLICE_ON_SERVER = 32, 256


@dataclass(frozen=True, slots=True)
class Indexes:
    """The index as its users see it; in one process these are one object.

    `answers` gives up early; `ingest` gives up later; `writes` is `ingest` and never gives up. `server` is
    `answers` if that is a server, which may be away and which other workers write to as well.
    """

    answers: Index
    ingest: Index
    writes: Index
    slice_items: int
    server: "QdrantServerIndex | None" = None

    def waits(self) -> bool:
        """Whether a write is being repeated because the index does not answer."""
        return isinstance(self.writes, PatientIndex) and self.writes.waits
