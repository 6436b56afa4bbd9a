"""Finds out how an existing topic names our fields, from a sample of its records. Pure: nothing is read or written.

What the built-in aliases and shapes understand needs no mapping. Each field that they don't find gets the path
whose name fits best and whose contents have the field's form; where several fit alike, the result says so.
"""

import re
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as Table
from typing import Any

from workers.errors import BadRecordError
from workers.records.aliases import (
    EVENT_TYPES,
    INTERACTION_FIELDS,
    ITEM_FIELDS,
    PERSON_TYPES,
    looked_up,
)
from workers.records.body import event_fields, item_fields
from workers.records.cloud_events import opened
from workers.records.event import decode_event
from workers.records.ignored import BUILT_IN
from workers.records.item_update import decode_item_event
from workers.records.mapping import AS_THEY_ARE, Mapping, RecordKind
from workers.schema.forms import fits, time_forms
from workers.schema.found import Detection, FoundEvent, FoundField, Sampled
from workers.schema.hints import EVENT_HINTS, FIELD_HINTS
from workers.schema.paths import Contents, contents_of

MAX_EVENT_NAMES = 100
MAX_NAME_CHARS = 256
SAMPLED_AT_MS = 10**14 - 1
"""Records are decoded as if stamped in the far future, so that no event is moved back."""

_TIMES = ("event_time", "published_at")
NEEDED: Table[RecordKind, tuple[tuple[str, ...], ...]] = {
    "interaction": (("event_type",), ("user_id", "anonymous_id"), ("item_id", "items")),
    "item": (("item_id",),),
}
"""Of each group one field must be there."""
_NEVER_GUESSED = frozenset({"attributes", "preferred_categories", "update"})
"""Names like theirs stand for anything."""
_SAME: Table[str, tuple[str, ...]] = {"item_id": ("item_id", "items")}
"""A field that needs no path where another one says the same."""


def detect(sample: Iterable[Sampled], kind: RecordKind) -> Detection:
    """Infer the mapping of a topic; costs O(bytes of the sample).

    >>> rows = [Sampled(b'{"customer": "7", "sku": "a", "action": "ITEM_VIEWED", "ts": 1714564800}')]
    >>> found = detect(rows, "interaction")
    >>> sorted(found.mapping.fields.items()), dict(found.mapping.events)  # doctest: +NORMALIZE_WHITESPACE
    ([('action', 'event_type'), ('customer', 'user_id'), ('sku', 'item_id'), ('ts', 'event_time')],
     {'ITEM_VIEWED': 'view'})
    >>> found.before, found.after
    (0.0, 1.0)
    """
    records = [record for record in sample if record.value is not None]
    readable = [(record, body) for record in records if (body := _body(record)) is not None]
    usable = [record for record, _ in readable]
    contents = contents_of(body for _, body in readable)
    fields = _find_fields(contents, usable, kind)
    paths = Mapping({found.path: _target(found) for found in fields if found.path is not None})
    named = [_fields(record, kind, paths) for record in usable]
    events = _find_events(named) if kind == "interaction" else ()
    mapping = Mapping(
        paths.fields, {event.name: event.ours for event in events if event.how == "guessed" and event.ours}
    )
    after, refusals = _decoded(usable, kind, mapping)
    return Detection(
        kind,
        records=len(records),
        unreadable=len(records) - len(usable),
        fields=fields,
        events=events,
        times=time_forms(value for path, at in contents.items() if _meant(path, kind) in _TIMES for value in at.values),
        missing=tuple(" or ".join(group) for group in NEEDED[kind] if not any(map(_names(named).get, group))),
        before=_decoded(usable, kind, AS_THEY_ARE)[0],
        after=after,
        refusals=refusals,
        mapping=mapping,
    )


def _body(record: Sampled) -> dict[str, Any] | None:
    try:
        return opened(record.value, record.headers)[0]
    except BadRecordError:
        return None


def _fields(record: Sampled, kind: RecordKind, mapping: Mapping) -> dict[str, Any]:
    """The fields that decoding would see; none of a record that even that refuses."""
    try:
        if kind == "item":
            return item_fields(record.value, record.headers, mapping)[0]
        return event_fields(record.value, record.headers, mapping)
    except BadRecordError:
        return {}


def _names(named: Iterable[Table[str, Any]]) -> Counter[str]:
    return Counter(name for found in named for name, content in found.items() if content not in ([], {}, ""))


def _find_fields(contents: Table[str, Contents], usable: list[Sampled], kind: RecordKind) -> tuple[FoundField, ...]:
    known = _names(_fields(record, kind, AS_THEY_ARE) for record in usable)
    total = max(1, len(usable))
    found: list[FoundField] = []
    for name, paths in _candidates(contents, kind).items():
        ranked = sorted(paths, key=lambda path: (-_weight(name, contents[path]), path.count("."), path))
        best = contents[ranked[0]]
        if best.records > max(known[same] for same in _SAME.get(name, (name,))):
            rivals = tuple(path for path in ranked[1:] if contents[path].records == best.records)
            found.append(FoundField(name, ranked[0], best.records / total, rivals))
    mapped = {one.name for one in found}
    aliased = [FoundField(name, None, count / total) for name, count in known.items() if count and name not in mapped]
    return tuple(sorted([*aliased, *found], key=lambda one: one.name))


def _weight(name: str, at: Contents) -> float:
    """Records that have it; of several names for what happened, the one whose contents read like events."""
    if name != "event_type":
        return at.records
    told = sum(isinstance(value, str) and _event(value, 0).how != "unknown" for value in at.values)
    return at.records * (1 + told / len(at.values))


def _candidates(contents: Table[str, Contents], kind: RecordKind) -> dict[str, list[str]]:
    """Our field → paths whose name means it and whose contents have its form."""
    found: dict[str, list[str]] = {}
    for path, at in contents.items():
        name = _meant(path, kind)
        if name is not None and ("[]" not in path or name == "item_id") and fits(name, at.values):
            found.setdefault(name, []).append(path)
    return found


def _meant(path: str, kind: RecordKind) -> str | None:
    """Our field that a path's last name means, alone or with its parent's: `customer.id`."""
    aliases = ITEM_FIELDS if kind == "item" else INTERACTION_FIELDS
    parts = [part.removesuffix("[]") for part in path.split(".")]
    hints = FIELD_HINTS[kind]
    together = _squeezed("".join(parts[-2:]))
    alone = _squeezed(parts[-1])
    name = hints.get(together) or hints.get(alone) or (aliases.get(parts[-1]) if parts[-1] != "id" else None)
    return None if name in _NEVER_GUESSED else name


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _target(found: FoundField) -> str:
    """Ids found in the elements of a list are the items of one event."""
    return "items" if found.path is not None and "[]" in found.path else found.name


def _find_events(named: Iterable[Table[str, Any]]) -> tuple[FoundEvent, ...]:
    counts: Counter[str] = Counter()
    for found in named:
        name = found.get("event_type")
        if isinstance(name, str) and len(name) <= MAX_NAME_CHARS and (name in counts or len(counts) < MAX_EVENT_NAMES):
            counts[name] += 1
    return tuple(_event(name, records) for name, records in counts.most_common())


def _event(name: str, records: int) -> FoundEvent:
    form = looked_up(name)
    known = EVENT_TYPES.get(name) or EVENT_TYPES.get(form) or PERSON_TYPES.get(form)
    if known is not None:
        return FoundEvent(name, records, "known", known)
    if BUILT_IN.holds(name):
        return FoundEvent(name, records, "ignored")
    guess = next((ours for word, ours in EVENT_HINTS if word in _squeezed(name)), None)
    return FoundEvent(name, records, "guessed" if guess else "unknown", guess)


def _decoded(usable: list[Sampled], kind: RecordKind, mapping: Mapping) -> tuple[float, Counter[str]]:
    """Share of the records that decode, and why the others don't."""
    refusals: Counter[str] = Counter()
    for record in usable:
        try:
            if kind == "item":
                decode_item_event(record.value, record.key, record.headers, mapping)
            else:
                decode_event(record.value, record.key, SAMPLED_AT_MS, headers=record.headers, mapping=mapping)
        except BadRecordError as error:
            refusals[error.code] += 1
    return 1 - refusals.total() / max(1, len(usable)), refusals
