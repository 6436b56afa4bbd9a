"""Logs of events folded by the models alone, without Kafka: what any run over the log must come to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models.state.events import Event, event_clock, event_weight
from models.state.evidence import Evidence
from models.state.taste import Vector
from models.state.user_state import UserState
from tests.models.builders import axis
from workers.admin.state.counts_row import CountsRow, counts_table
from workers.admin.state.digest import table_digest, to_json
from workers.admin.state.form import counts_form, item_form, user_form
from workers.items.rows import ItemRow
from workers.stream.partitioning import partition_of
from workers.stream.table import TablePartition

PARTITIONS = 4
DIM = 4


@dataclass
class Fold:
    """Rows after a log; `known` items have a vector while the log is folded, `entries` are those of the catalog."""

    known: frozenset[str] = frozenset("abcdef")
    users: dict[str, UserState] = field(default_factory=dict)
    entries: dict[str, ItemRow] = field(default_factory=dict)
    items: TablePartition[CountsRow] = field(default_factory=lambda: counts_table("counts").blank_partition())
    published: list[Event] = field(default_factory=list)

    def publish(self, events: Sequence[Event]) -> "Fold":
        """Fold events in the order of publication: each gets the next offset of its user's partition."""
        for event in events:
            partition = partition_of(event.user_id, PARTITIONS)
            offset = sum(one.origin[0] == partition for one in self.published)
            self.published.append(replace(event, origin=(partition, offset), clock=event_clock(offset, PARTITIONS)))
            self.deliver(self.published[-1])
        return self

    def deliver(self, event: Event) -> None:
        """Fold one event where it is in the log."""
        vector = vector_of(event.item_id) if event.item_id in self.known else None
        evidence = self.users.setdefault(event.user_id, UserState()).fold(event, vector)
        if evidence is not None:
            self.learn(evidence)

    def learn(self, evidence: Evidence) -> None:
        self.items.change(evidence.item_id).use.apply(Evidence.unpack(evidence.pack()))

    def item(self, item_id: str) -> CountsRow:
        """The counts of an item that had an event."""
        row = self.items.get(item_id)
        assert row is not None, item_id
        return row

    def digest(self) -> dict[str, Any]:
        users = ((key, user_form(user, vector_of)) for key, user in self.users.items())
        items = ((key, item_form(row)) for key, row in self.entries.items())
        counts = ((key, counts_form(self.item(key))) for key in self.items.keys())  # noqa: SIM118 - not a dict
        forms = {"users": users, "items": items, "counts": counts}
        return to_json({name: table_digest(rows, keep_rows=True) for name, rows in forms.items()})

    def exact_users(self) -> dict[str, Any]:
        """What of the users' rows must be equal bit for bit."""
        return {key: user_form(user, vector_of).exact for key, user in self.users.items()}

    def taste(self, user_id: str) -> Vector:
        """A user's taste at a time that all folds of a log share, float32 (4,)."""
        value = self.users[user_id].taste.value_at(max(event.time_ms for event in self.published))
        return np.zeros(DIM, dtype=np.float32) if value is None else value


def vector_of(item_id: str) -> Vector:
    return axis(ord(item_id[0]) % DIM, DIM)


def touch(item_id: str, time_ms: int, user_id: str = "u", kind: str = "view", event_id: str | None = None) -> Event:
    """An event that has not been published yet."""
    return Event(user_id, item_id, kind, event_weight(kind, None), None, time_ms, (0, 0), 0, event_id)
