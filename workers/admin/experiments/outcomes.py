"""Lines of `recommendations-served` and of `user-interactions`, as far as a report needs them (no I/O)."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.evaluation.attribution import NO_RECOMMENDATION
from models.primitives.ids import event_hash, item_key
from workers.admin.experiments.columns import Sample
from workers.errors import BadRecordError
from workers.records.event import decode_event
from workers.records.interaction import Interaction
from workers.records.mapping import Mapping as FieldMapping
from workers.records.times import LATEST_MS
from workers.records.wire import parse_object
from workers.stream.chunk import Record

CLICK, PURCHASE = 0, 1


@dataclass(slots=True)
class Counted:
    """What was read, and how much of it could not be used."""

    answers: int = 0
    without_user: int = 0
    events: int = 0
    unreadable: int = 0


class OutcomeReader:
    """Hands to a sample what was shown to users, and what counts as a click or a purchase."""

    def __init__(
        self, sample: Sample, kinds: Mapping[str, int], future_tolerance_ms: int, mapping: FieldMapping
    ) -> None:
        """`kinds`: CLICK or PURCHASE by type of event."""
        self.counted = Counted()
        self.labels: dict[str, int] = {}
        self._sample = sample
        self._kinds = kinds
        self._future_tolerance_ms = future_tolerance_ms
        self._mapping = mapping

    def served(self, record: Record) -> None:
        """One answer; a line that is not ours is counted and passed over."""
        try:
            line = parse_object(record.value)
            user_id, variant = line["user_id"], str(line["variant"])
            head = event_hash(line["recommendation_id"]), _moment(line["served_at"])
            items = [item_key(item["item_id"]) for item in line["items"]]
        except (BadRecordError, ValueError, KeyError, TypeError, AttributeError):
            self.counted.unreadable += 1
            return
        self.counted.answers += 1
        if not isinstance(user_id, str):
            self.counted.without_user += 1
            return
        label = self.labels.setdefault(variant, len(self.labels))
        user = event_hash(user_id)
        for item in items:
            self._sample.show(head[0], item, user, head[1], label)

    def event(self, record: Record) -> None:
        """One interaction; what can't be decoded is a dead letter of the worker's, here it is only counted."""
        try:
            event = decode_event(
                record.value,
                record.key,
                record.timestamp,
                self._future_tolerance_ms,
                record.headers,
                self._mapping,
            )
        except BadRecordError:
            self.counted.unreadable += 1
            return
        kind = self._kinds.get(event.event_type) if isinstance(event, Interaction) else None
        if kind is None or not isinstance(event, Interaction):
            return
        self.counted.events += 1
        named = NO_RECOMMENDATION if event.recommendation_id is None else event_hash(event.recommendation_id)
        user, worth = event_hash(event.subject), value_by_item(event) if kind == PURCHASE else {}
        for item_id in event.item_ids:
            self._sample.act(named, item_key(item_id), user, event.event_time, kind, worth.get(item_id, 0.0))


def _moment(served_at: object) -> int:
    """Epoch ms; raises ValueError for what would not fit into a column of them."""
    if type(served_at) is int and 0 <= served_at < LATEST_MS:
        return served_at
    raise ValueError("served_at is no time")


def value_by_item(event: Interaction) -> dict[str, float]:
    """What each item of a purchase was worth: price × quantity of its lines; of a single item the event's value.

    >>> value_by_item(Interaction(event_type="purchase", user_id="u", item_id="a", value=9.5, event_time=0))
    {'a': 9.5}
    """
    if not event.items:
        return {event.item_id: max(0.0, event.value or 0.0)} if event.item_id else {}
    worth: dict[str, float] = {}
    for line in event.items:
        worth[line.item_id] = worth.get(line.item_id, 0.0) + (line.price or 0.0) * line.quantity
    return worth
