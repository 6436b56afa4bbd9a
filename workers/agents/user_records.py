"""Records of users as the interactions agent works on them: decoded, with their positions and their owner (no I/O)."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from models.state.merge import Merge
from workers.dead_letters.letters import Letters
from workers.dead_letters.origin import origin_of
from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.event import UserEvent, decode_event
from workers.records.interaction import Interaction
from workers.records.mapping import Mappings
from workers.records.out import OutRecord
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.chunk import Record
from workers.stream.partitioning import partition_of
from workers.stream.writer import Target
from workers.topics import Topics
from workers.users.arrivals import MERGE, Arrival, Position, arrival_of

IGNORED = "ignored"
Batches = dict[Target, list[OutRecord]]


class RecordsDependencies(Protocol):
    """What it takes to decode users' records and to send effects on."""

    settings: Settings
    topics: Topics
    mappings: Mappings
    scheduler: Scheduler


@dataclass(slots=True)
class Decoded:
    """A usable record: what it says, whose row it changes, and the partition where that row is.

    `replay_of`: where in `user-interactions` a replayed letter was first refused.
    """

    record: Record
    event: UserEvent | Merge
    arrival: Arrival
    subject: str
    owner: int
    replay_of: Position | None = None

    @property
    def event_type(self) -> str:
        """For metrics: an interaction's type, or the kind of record on a person."""
        return self.event.event_type if isinstance(self.event, Interaction) else type(self.event).__name__.lower()


@dataclass(slots=True)
class Effects:
    """What one chunk does to the world outside its rows, each partition in the order of the chunk.

    Evidence about items is acknowledged before anything goes to another user's row: that user may be forgotten at
    once, and the evidence with it.
    """

    to_items: Batches = field(default_factory=lambda: defaultdict(list))
    to_users: Batches = field(default_factory=lambda: defaultdict(list))
    letters: Letters = field(default_factory=lambda: Letters("interactions"))
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def send_on(self, record: OutRecord, subject: str, deps: RecordsDependencies) -> None:
        """Send a record on to its subject's partition."""
        owner = partition_of(subject, deps.settings.user_partitions)
        self.to_users[deps.topics.interactions_rerouted, owner].append(record)

    def emit_evidence(self, item_id: str, value: bytes, deps: RecordsDependencies) -> None:
        """Send evidence to an item's partition."""
        owner = partition_of(item_id, deps.settings.item_partitions)
        self.to_items[deps.topics.item_transitions, owner].append(OutRecord(item_id.encode(), value))


async def decode(records: Sequence[Record], effects: Effects, deps: RecordsDependencies) -> list[Decoded]:
    """The usable records of a chunk; others become dead letters, those that say nothing on an item are counted."""
    batch = []
    for record in records:
        try:
            batch.append(_decoded(record, deps))
        except BadRecordError as error:
            if error.code == Reason.IRRELEVANT_EVENT:
                effects.outcomes[IGNORED, IGNORED] += 1
            else:
                effects.letters.add(record, error)
        await deps.scheduler.rest(record.topic)
    return batch


def _decoded(record: Record, deps: RecordsDependencies) -> Decoded:
    settings = deps.settings
    arrival = arrival_of(record, deps.topics, settings.user_partitions)
    forwarding = arrival.forwarding
    if forwarding is not None and forwarding.kind == MERGE:
        return Decoded(record, _merge(record), arrival, forwarding.subject, _home(forwarding.subject, deps))
    event = decode_event(
        record.value,
        record.key,
        record.timestamp,
        settings.future_tolerance_ms,
        record.headers,
        deps.mappings.interaction,
    )
    subject = (forwarding and forwarding.subject) or event.subject
    found = Decoded(record, event, arrival, subject, _home(subject, deps))
    return _identified(found, deps) if record.headers else found


def _identified(decoded: Decoded, deps: RecordsDependencies) -> Decoded:
    """A replayed letter without an event id goes by the place where it was first refused: it counts once.

    It must not count beside the record that was refused either, which a rebuild may find usable.
    """
    origin = origin_of(decoded.record.headers)
    if origin is None or not isinstance(decoded.event, Interaction) or decoded.event.event_id is not None:
        return decoded
    position = (origin.partition, origin.offset) if origin.topic == deps.topics.user_interactions else None
    named = decoded.event.model_copy(update={"event_id": origin.event_id})
    return replace(decoded, event=named, replay_of=position)


def _home(subject: str, deps: RecordsDependencies) -> int:
    return partition_of(subject, deps.settings.user_partitions)


def _merge(record: Record) -> Merge:
    try:
        return Merge.unpack(record.value or b"")
    except ValueError as error:
        raise BadRecordError(Reason.INVALID_MERGE, f"the row of a guest is truncated or malformed: {error}") from error
