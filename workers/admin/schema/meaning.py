"""Which of our fields or event types a foreign name means, by its wording alone."""

import re

from workers.admin.schema.found import FoundEvent
from workers.admin.schema.hints import (
    EVENT_HINTS,
    EVENT_NEGATIONS,
    FIELD_HINTS,
    ID_WORDS,
    NAME_WORDS,
    OTHER_ENTITIES,
)
from workers.records.aliases import EVENT_TYPES, INTERACTION_FIELDS, ITEM_FIELDS, PERSON_TYPES, looked_up
from workers.records.ignored import IgnoredEvents
from workers.records.mapping import RecordKind

NEVER_GUESSED = frozenset({"attributes", "preferred_categories", "update"})
"""Names like theirs stand for anything."""
IDS = frozenset({"event_id", "user_id", "anonymous_id", "session_id", "item_id", "recommendation_id"})
LEAST_CHARS = 3  # of what is left of a name without its last word


def meant(path: str, kind: RecordKind) -> str | None:
    """Our field that a path's names mean: its last one, alone, with its parent's, or without a word for ids.

    >>> meant("payload.customer.ref", "interaction"), meant("productCode", "interaction"), meant("what", "interaction")
    ('user_id', 'item_id', 'event_type')
    >>> meant("dept.name", "item"), meant("brand.name", "item"), meant("product.name", "item")
    ('category', None, 'title')
    """
    parts = [part.removesuffix("[]") for part in path.split(".")]
    name = _by_hints([_squeezed(part) for part in parts], kind)
    if name is None and parts[-1] != "id" and not _is_of_another(parts):
        name = (ITEM_FIELDS if kind == "item" else INTERACTION_FIELDS).get(parts[-1])
    return None if name in NEVER_GUESSED else name


def event_meant(name: str, records: int, ignored: IgnoredEvents) -> FoundEvent:
    """How an event's name is understood."""
    form = looked_up(name)
    known = EVENT_TYPES.get(name) or EVENT_TYPES.get(form) or PERSON_TYPES.get(form)
    if known is not None:
        return FoundEvent(name, records, "known", known)
    if ignored.holds(name):
        return FoundEvent(name, records, "ignored")
    words = _squeezed(name)
    taken_back = any(word in words for word in EVENT_NEGATIONS)
    guess = None if taken_back else next((ours for word, ours in EVENT_HINTS if word in words), None)
    return FoundEvent(name, records, "guessed" if guess else "unknown", guess)


def _by_hints(parts: list[str], kind: RecordKind) -> str | None:
    hints = FIELD_HINTS[kind]
    last, parent = parts[-1], parts[-2] if len(parts) > 1 else ""
    if together := hints.get(parent + last):
        return together
    if last in ID_WORDS:
        return _id_of(hints.get(parent)) or hints.get(last)
    if kind == "item" and last in NAME_WORDS and parent:
        return "category" if hints.get(parent) == "category" else None if parent in OTHER_ENTITIES else "title"
    return hints.get(last) or _id_of(hints.get(_without_id_word(last)))


def _is_of_another(parts: list[str]) -> bool:
    return len(parts) > 1 and _squeezed(parts[-1]) in NAME_WORDS and _squeezed(parts[-2]) in OTHER_ENTITIES


def _id_of(name: str | None) -> str | None:
    return name if name in IDS else None


def _without_id_word(name: str) -> str:
    for word in ID_WORDS:
        if name.endswith(word) and len(name) >= LEAST_CHARS + len(word):
            return name.removesuffix(word)
    return ""


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
