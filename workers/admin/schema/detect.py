"""Finds out how an existing topic names our fields, from a sample of its records. Pure: nothing is read or written.

What the built-in aliases and shapes understand needs no mapping. Each field that they don't find gets the path
whose name fits best and whose contents have the field's form, or else, the path whose contents look like it.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as Table
from dataclasses import replace
from typing import Any

from workers.admin.schema.fields import found_fields
from workers.admin.schema.forms import time_forms
from workers.admin.schema.found import Detection, FoundEvent, FoundField, Sampled
from workers.admin.schema.meaning import event_meant, meant
from workers.admin.schema.paths import Contents, contents_of
from workers.admin.schema.ratings import proposed_scale
from workers.errors import BadRecordError
from workers.records.body import event_fields, item_fields
from workers.records.cloud_events import opened
from workers.records.codes import Reason
from workers.records.event import decode_event
from workers.records.item_update import decode_item_event
from workers.records.mapping import AS_THEY_ARE, Mapping, RecordKind
from workers.records.scale import Stars
from workers.records.wire import framed_by

MAX_EVENT_NAMES = 100
MAX_NAME_CHARS = 256
MAX_UNUSED = 20
SAMPLED_AT_MS = 10**14 - 1
"""Records are decoded as if stamped in the far future, so that no event is moved back."""

_TIMES = ("event_time", "published_at")
NEEDED: Table[RecordKind, tuple[tuple[str, ...], ...]] = {
    "interaction": (("event_type",), ("user_id", "anonymous_id"), ("item_id", "items")),
    "item": (("item_id",),),
}
"""Of each group one field must be there."""


def detect(sample: Iterable[Sampled], kind: RecordKind, given: Mapping = AS_THEY_ARE) -> Detection:
    """Infer the mapping of a topic; costs O(bytes of the sample). `given`: what the settings say beside it.

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
    known = _names(_fields(record, kind, given) for record in usable)
    keys = frozenset(record.key.decode(errors="replace") for record in usable if record.key)
    fields = found_fields(contents, known, len(usable), keys, kind, given.ignored)
    mapping, events = _mapping(fields, usable, kind, given)
    named = [_fields(record, kind, mapping) for record in usable]
    ratings = _ratings(named) if kind == "interaction" else []
    if scale := proposed_scale(ratings, given.scale):
        mapping = replace(mapping, scale=scale)
    before, after = _Decoded(records, kind, given), _Decoded(records, kind, mapping)
    return Detection(
        kind,
        records=len(records),
        unreadable=len(records) - len(usable),
        fields=fields,
        events=events,
        times=time_forms(value for path, at in contents.items() if meant(path, kind) in _TIMES for value in at.values),
        missing=tuple(" or ".join(group) for group in NEEDED[kind] if not any(map(_names(named).get, group))),
        before=before.share,
        after=after.share,
        refusals=after.refusals,
        mapping=mapping,
        ignored=after.ignored,
        schema_ids=_schema_ids(records),
        ratings=(min(ratings), max(ratings)) if ratings else None,
        unused=_unused(contents, fields, kind),
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


def _mapping(
    fields: Iterable[FoundField], usable: list[Sampled], kind: RecordKind, given: Mapping
) -> tuple[Mapping, tuple[FoundEvent, ...]]:
    """The mapping of these fields, with the events that they lead to."""
    mapping = replace(given, fields={one.path: _target(one) for one in fields if one.path is not None})
    if kind == "item":
        return mapping, ()
    events = _find_events((_fields(record, kind, mapping) for record in usable), given)
    return replace(mapping, events={one.name: one.ours for one in events if one.how == "guessed" and one.ours}), events


def _target(found: FoundField) -> str:
    """Ids found in the elements of a list are the items of one event."""
    return "items" if found.path is not None and "[]" in found.path else found.name


def _find_events(named: Iterable[Table[str, Any]], given: Mapping) -> tuple[FoundEvent, ...]:
    counts: Counter[str] = Counter()
    for found in named:
        name = found.get("event_type")
        if isinstance(name, str) and len(name) <= MAX_NAME_CHARS and (name in counts or len(counts) < MAX_EVENT_NAMES):
            counts[name] += 1
    return tuple(event_meant(name, records, given.ignored) for name, records in counts.most_common())


def _ratings(named: Iterable[Table[str, Any]]) -> list[float]:
    """Values of ratings, but for those on a scale of their own."""
    values = (found.get("value") for found in named if _is_rating(found.get("event_type")))
    return [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool | Stars)]


def _is_rating(event_type: object) -> bool:
    return isinstance(event_type, str) and event_meant(event_type, 0, AS_THEY_ARE.ignored).ours == "rating"


class _Decoded:
    """Share of the records, but for those that are ignored, that decode, and why the others don't."""

    def __init__(self, records: list[Sampled], kind: RecordKind, mapping: Mapping) -> None:
        self.refusals: Counter[str] = Counter()
        for record in records:
            try:
                if kind == "item":
                    decode_item_event(record.value, record.key, record.headers, mapping)
                else:
                    decode_event(record.value, record.key, SAMPLED_AT_MS, headers=record.headers, mapping=mapping)
            except BadRecordError as error:
                self.refusals[error.code] += 1
        self.ignored = self.refusals.pop(Reason.IRRELEVANT_EVENT, 0)
        self.share = 1 - self.refusals.total() / max(1, len(records) - self.ignored)


def _schema_ids(records: Iterable[Sampled]) -> tuple[int, ...]:
    found = {framed_by(record.value) for record in records if record.value is not None and _body(record) is None}
    return tuple(sorted(schema_id for schema_id in found if schema_id is not None))


def _unused(contents: Table[str, Contents], fields: Iterable[FoundField], kind: RecordKind) -> tuple[str, ...]:
    used = {one.path for one in fields}
    paths = [path for path in contents if path not in used and meant(path, kind) is None]
    return tuple(sorted(paths, key=lambda path: (-contents[path].records, path)))[:MAX_UNUSED]
