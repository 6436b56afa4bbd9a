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

    `path` is None where the built-in aliases find it; `rivals` are paths that fit as well as the chosen one;
    `how`: whether the path was found by its name or by its contents.
    """

    name: str
    path: str | None
    coverage: float
    rivals: tuple[str, ...] = ()
    how: str = "name"


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """One event name of the topic: known, guessed by its wording, ignored or unknown; `ours` is its type."""

    name: str
    records: int
    how: str
    ours: str | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """What a sample says of a topic; tombstones are not counted.

    `unreadable`: values that hold no JSON object; `schema_ids`: of those that a schema registry framed; `times`:
    how times are written; `missing`: needed fields that were not found, or only as a record's key; `before` and
    `after`: shares of the records, but for those `ignored`, that decode without and with `mapping`; `refusals`:
    codes of those that still don't; `ratings`: the least and the greatest; `unused`: paths that mean nothing.
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
    ignored: int = 0
    schema_ids: tuple[int, ...] = ()
    ratings: tuple[float, float] | None = None
    unused: tuple[str, ...] = ()
