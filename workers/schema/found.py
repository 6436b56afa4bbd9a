"""What a topic's sample is, and what was found in it."""

from collections.abc import Mapping as Table
from dataclasses import dataclass, field

from workers.records.cloud_events import Headers
from workers.records.mapping import Mapping, RecordKind


@dataclass(frozen=True, slots=True)
class Sampled:
    """One record of the topic."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class FoundField:
    """Where one of our fields is, and in which share of the records.

    `path` is None where the built-in aliases find it; `rivals` are paths that fit as well as the chosen one.
    """

    name: str
    path: str | None
    coverage: float
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """One event name of the topic: known, guessed by its wording, irrelevant or unknown; `ours` is its type."""

    name: str
    records: int
    how: str
    ours: str | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """What a sample says of a topic; tombstones are not counted.

    `unreadable`: values that hold no JSON object; `times`: how times are written; `missing`: needed
    fields that were not found, or only as a record's key; `before` and `after`: shares of the records that
    decode without and with `mapping`; `refusals`: codes of those that still don't.
    """

    kind: RecordKind
    records: int
    unreadable: int
    fields: tuple[FoundField, ...]
    events: tuple[FoundEvent, ...]
    times: Table[str, int]
    missing: tuple[str, ...]
    before: float
    after: float
    refusals: Table[str, int]
    mapping: Mapping = field(default_factory=Mapping)
