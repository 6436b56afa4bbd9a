"""A chunk: consecutive records of one partition, handed to an agent as one message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiokafka import TopicPartition


class Record(Protocol):
    """A consumed record as it came, undecoded; aiokafka's `ConsumerRecord` is one. `timestamp` in ms."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(slots=True, eq=False)
class Chunk:
    """Records of one partition in offset order; `finish()` says that all their effects are acknowledged.

    An agent begins a chunk before it works on it: one that was withdrawn meanwhile is another worker's.
    """

    tp: TopicPartition
    records: Sequence[Record]
    on_finish: Callable[["Chunk"], None]
    begun: bool = field(default=False, init=False)
    next_offset: int = field(init=False)
    """Offset to commit once this chunk is done: one past its last record."""
    parked: bool = field(default=False, init=False)
    withdrawn: bool = field(default=False, init=False)
    done: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.next_offset = self.records[-1].offset + 1

    def begin(self) -> bool:
        """Whether to work on this chunk; from then on it can't be withdrawn."""
        self.begun = not self.withdrawn
        return self.begun

    def park(self) -> None:
        """All is folded; rows or the index follow: who hands over may leave it, and the next owner repeats it."""
        self.parked = True
        self.records = ()

    def finish(self) -> None:
        """Mark every record as done; a second call changes nothing."""
        if not self.done:
            self.done = True
            self.on_finish(self)
