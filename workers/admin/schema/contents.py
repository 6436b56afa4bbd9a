"""Which paths could be a field of ours by what lies there, where no name says so: event names, times, repeated ids."""

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Table
from typing import Any

from workers.admin.schema.forms import MAX_EVENT_NAMES, MIN_SHARE, distinct, is_clock_time, is_identifier
from workers.admin.schema.meaning import event_meant
from workers.admin.schema.paths import Contents
from workers.records.ignored import IgnoredEvents

MIN_VALUES = 5
"""Contents from which something can be concluded: fewer could look like anything."""
MIN_EVENTS_SHARE = 0.5
"""Contents that must read like events, of a path that is taken for the event's name."""
MIN_DISTINCT = 3  # of ids: two could be a state or a flag
MAX_ID_CHARS = 64
MAX_TITLE_CHARS = 200
MIN_TITLE_SHARE = 0.3  # of titles that have a blank

Paths = Table[str, Contents]


def by_contents(
    name: str, contents: Paths, taken: Iterable[str], keys: frozenset[str], ignored: IgnoredEvents
) -> list[str]:
    """Paths that could be our field of that name, the likeliest first; `keys`: those of the records.

    Ids that are recognised by nothing but their repeats are only taken where there is one such path.
    """
    free = {path: at for path, at in contents.items() if path not in set(taken) and len(at.values) >= MIN_VALUES}
    if name == "event_type":
        return _ranked(free, lambda at: events_share(at.values, ignored) >= MIN_EVENTS_SHARE and _is_repeated(at))
    if name == "event_time":
        return _ranked(free, lambda at: _share(is_clock_time, at.values) >= MIN_SHARE)
    if name in ("user_id", "item_id") and (keyed := _ranked(free, lambda at: _is_key(at, keys))):
        return keyed
    if name == "item_id" or (name == "user_id" and not keys):
        only = _ranked(free, lambda at: _is_repeated_id(at, ignored))
        return only if len(only) == 1 else []
    if name == "title":
        only = _ranked(free, _is_title)
        return only if len(only) == 1 else []
    return []


def events_share(values: list[Any], ignored: IgnoredEvents) -> float:
    """Share of the values that read like names of events."""
    if not values or distinct(values) > MAX_EVENT_NAMES:
        return 0.0
    return _share(lambda value: isinstance(value, str) and event_meant(value, 0, ignored).how != "unknown", values)


def _ranked(contents: Paths, fits: Callable[[Contents], bool]) -> list[str]:
    found = [path for path, at in contents.items() if fits(at)]
    return sorted(found, key=lambda path: (-contents[path].records, path.count("."), path))


def _share(has_form: Callable[[Any], bool], values: list[Any]) -> float:
    return sum(map(has_form, values)) / len(values)


def _is_repeated(at: Contents) -> bool:
    return at.distinct * 2 <= len(at.values)


def _is_key(at: Contents, keys: frozenset[str]) -> bool:
    return at.distinct >= MIN_DISTINCT and _share(lambda value: _as_key(value) in keys, at.values) >= MIN_SHARE


def _as_key(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _is_repeated_id(at: Contents, ignored: IgnoredEvents) -> bool:
    """Short texts with digits, most of them more than once, that are neither times nor events."""
    if not at.distinct >= MIN_DISTINCT or not _is_repeated(at):
        return False
    return _share(_looks_like_id, at.values) >= MIN_SHARE and events_share(at.values, ignored) < MIN_EVENTS_SHARE


def _looks_like_id(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= MAX_ID_CHARS
        and is_identifier(value)
        and not any(character.isspace() for character in value)
        and any(character.isdigit() for character in value)
        and any(character.isalpha() for character in value)
        and not is_clock_time(value)
    )


def _is_title(at: Contents) -> bool:
    texts = [value for value in at.values if isinstance(value, str) and 1 < len(value) <= MAX_TITLE_CHARS]
    if len(texts) < MIN_SHARE * len(at.values) or at.distinct < MIN_SHARE * len(at.values):
        return False
    blanks = sum(" " in text and "://" not in text for text in texts)
    return blanks >= MIN_TITLE_SHARE * len(texts)
