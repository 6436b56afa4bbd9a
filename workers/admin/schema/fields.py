"""Where our fields are that the built-in names don't find: by the names of the paths, else by their contents."""

from collections.abc import Iterable
from collections.abc import Mapping as Table

from workers.admin.schema.contents import by_contents, events_share
from workers.admin.schema.forms import fits
from workers.admin.schema.found import FoundField
from workers.admin.schema.meaning import meant
from workers.admin.schema.paths import Contents
from workers.records.ignored import IgnoredEvents
from workers.records.mapping import RecordKind

BY_CONTENTS: Table[RecordKind, tuple[str, ...]] = {
    "interaction": ("event_type", "event_time", "user_id", "item_id"),
    "item": ("item_id", "title"),
}
"""Fields that contents may identify where no name does, in this order."""
KEYED: Table[RecordKind, str] = {"interaction": "user_id", "item": "item_id"}
"""What a record's key is."""
SAME: Table[str, tuple[str, ...]] = {"item_id": ("item_id", "items")}
"""Fields that need no path where another one says the same."""
ENOUGH = 10  # contents of a path from which on repeats say that they are no titles


def found_fields(
    contents: Table[str, Contents],
    known: Table[str, int],
    records: int,
    keys: frozenset[str],
    kind: RecordKind,
    ignored: IgnoredEvents,
) -> tuple[FoundField, ...]:
    """Each field once, by name; `known`: in how many of the records the built-in names find it; `keys`: theirs."""
    found = _by_names(contents, known, max(1, records), kind, ignored)
    for name in BY_CONTENTS[kind]:
        if name in found or any(known.get(same) for same in SAME.get(name, (name,))):
            continue
        taken = {one.path for one in found.values() if one.path} | {path for path in contents if meant(path, kind)}
        paths = by_contents(name, contents, taken, keys if name == KEYED[kind] else frozenset(), ignored)
        if paths:
            found[name] = _field(name, paths, contents, max(1, records), "contents")
    for name, count in known.items():
        if count and name not in found:
            found[name] = FoundField(name, None, count / max(1, records))
    return tuple(sorted(found.values(), key=lambda one: one.name))


def _by_names(
    contents: Table[str, Contents], known: Table[str, int], records: int, kind: RecordKind, ignored: IgnoredEvents
) -> dict[str, FoundField]:
    found: dict[str, FoundField] = {}
    for name, paths in _candidates(contents, kind).items():
        ranked = sorted(paths, key=lambda path: (-_weight(name, contents[path], ignored), path.count("."), path))
        if contents[ranked[0]].records > max(known.get(same, 0) for same in SAME.get(name, (name,))):
            found[name] = _field(name, ranked, contents, records, "name")
    return found


def _field(name: str, ranked: list[str], contents: Table[str, Contents], records: int, how: str) -> FoundField:
    best = contents[ranked[0]].records
    rivals = tuple(path for path in ranked[1:] if contents[path].records == best)
    return FoundField(name, ranked[0], best / records, rivals, how)


def _candidates(contents: Table[str, Contents], kind: RecordKind) -> dict[str, list[str]]:
    """Our field → paths whose name means it and whose contents have its form."""
    found: dict[str, list[str]] = {}
    for path, at in contents.items():
        name = meant(path, kind)
        if name is not None and ("[]" not in path or name == "item_id") and fits(name, at.values):
            found.setdefault(name, []).append(path)
    titles = [path for path in found.get("title", ()) if not _is_category(contents[path], contents, found)]
    return {**found, "title": titles} if titles else {name: paths for name, paths in found.items() if name != "title"}


def _is_category(at: Contents, contents: Table[str, Contents], found: Table[str, Iterable[str]]) -> bool:
    """Titles are about as many as items; a path with far fewer names a group of them."""
    items = max((contents[path].distinct for path in found.get("item_id", ())), default=0)
    return len(at.values) >= ENOUGH and at.distinct * 2 < items


def _weight(name: str, at: Contents, ignored: IgnoredEvents) -> float:
    """Records that have it; of several names for what happened, the one whose contents read like events."""
    return at.records * (1 + events_share(at.values, ignored)) if name == "event_type" else at.records
