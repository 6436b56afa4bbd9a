"""A topic's own names for our fields and event types, as a file: found by `tastestream schema detect`."""

from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workers.errors import ConfigurationError
from workers.records.aliases import EVENT_TYPES, INTERACTION_FIELDS, ITEM_FIELDS, PERSON_TYPES
from workers.records.ignored import BUILT_IN, MAX_PATTERNS, IgnoredEvents, ignored_events
from workers.records.json_words import in_json_words
from workers.records.scale import STARS, RatingScale, rating_scale

MAX_ENTRIES = 256
SCALE_OF_FILE = "rating_scale in the mapping file"

RecordKind = Literal["interaction", "item"]
KIND_FIELDS: Table[RecordKind, frozenset[str]] = {
    "interaction": frozenset(INTERACTION_FIELDS.values()),
    "item": frozenset(ITEM_FIELDS.values()),
}
Paths = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Paths into a body → our fields, and event names → our types; both win over the built-in aliases.

    A path has dots between the levels; `[]` after a name takes the rest of the path from each element of a
    list: `order.lines[].sku` → `items`. `scale` is that of ratings; `ignored` events say nothing on an item.
    """

    fields: Table[str, str] = field(default_factory=dict)
    events: Table[str, str] = field(default_factory=dict)
    scale: RatingScale = STARS
    ignored: IgnoredEvents = BUILT_IN
    paths: Paths = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", tuple(tuple(path.split(".")) for path in self.fields))

    def apply(self, body: Table[str, Any], fields: dict[str, Any]) -> None:
        """Set in `fields` what the paths find in `body`, and translate the event's name.

        >>> fields = {}
        >>> Mapping({"user.key": "user_id", "what": "event_type"}, {"seen": "view"}).apply(
        ...     {"user": {"key": 7}, "what": "seen"}, fields)
        >>> fields
        {'user_id': 7, 'event_type': 'view'}
        """
        for path, name in zip(self.paths, self.fields.values(), strict=True):
            content = value_at(body, path)
            if content is not None:
                fields[name] = content
        event = fields.get("event_type")
        if isinstance(event, str):
            fields["event_type"] = self.events.get(event, event)


AS_THEY_ARE = Mapping()


@dataclass(frozen=True, slots=True)
class Mappings:
    """One mapping for each topic that clients fill."""

    interaction: Mapping = field(default_factory=Mapping)
    item: Mapping = field(default_factory=Mapping)


def value_at(body: Any, path: tuple[str, ...]) -> Any:
    """What lies at the path, None where there is nothing; a list for a path through `[]`."""
    for depth, name in enumerate(path):
        if not isinstance(body, dict):
            return None
        if name.endswith("[]"):
            elements = body.get(name[:-2])
            rest = path[depth + 1 :]
            return [value_at(element, rest) for element in elements] if isinstance(elements, list) else None
        body = body.get(name)
    return body


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    fields: dict[str, str] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    events: dict[str, str] = Field(default_factory=dict, max_length=MAX_ENTRIES)


class _Interaction(_Section):
    rating_scale: str | None = None
    ignored_events: tuple[str, ...] = Field(default=(), max_length=MAX_PATTERNS)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    interaction: _Interaction = _Interaction()
    item: _Section = _Section()


def load_mapping(path: Path, given: Mapping = AS_THEY_ARE) -> Mappings:
    """Read a mapping file (JSON); raises `ConfigurationError` that names file and entry.

    `given` has the scale of a file that names none, and patterns that are ignored beside the file's.
    """
    try:
        content = _File.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"mapping file {path}: {error.strerror}: give a file that can be read") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(f"mapping file {path}, {place}: {in_json_words(first['msg'])}") from None
    interaction = _checked(path, "interaction", content.interaction)
    try:
        interaction = _with_reading(interaction, content.interaction, given)
    except ValueError as error:
        raise ConfigurationError(f"mapping file {path}, interaction: {error}") from None
    return Mappings(interaction, _checked(path, "item", content.item))


def save_mapping(path: Path, mappings: Mappings) -> None:
    """Write the file that `load_mapping` reads."""
    sections = {"interaction": mappings.interaction, "item": mappings.item}
    content = {kind: written for kind, section in sections.items() if (written := written_section(section))}
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


def written_section(section: Mapping) -> dict[str, Any]:
    """A section as its file has it: what it adds to the built-in names; a scale only if it came with a file."""
    written: dict[str, Any] = {}
    if section.fields or section.events:
        written |= {"fields": dict(section.fields), "events": dict(section.events)}
    if section.scale.named_by == SCALE_OF_FILE:
        written["rating_scale"] = section.scale.text
    if section.ignored.own:
        written["ignored_events"] = section.ignored.own
    return written


def _with_reading(section: Mapping, content: _Interaction, given: Mapping) -> Mapping:
    named = content.rating_scale
    return replace(
        section,
        scale=given.scale if named is None else rating_scale(named, SCALE_OF_FILE),
        ignored=ignored_events((*given.ignored.own, *content.ignored_events)),
    )


def _checked(path: Path, kind: RecordKind, section: _Section) -> Mapping:
    for theirs, ours in section.fields.items():
        if ours not in KIND_FIELDS[kind]:
            known = ", ".join(sorted(KIND_FIELDS[kind]))
            raise ConfigurationError(f"mapping file {path}: {theirs!r} → {ours!r} is not a field, use one of {known}")
    for theirs, ours in section.events.items():
        if ours not in EVENT_TYPES and ours not in PERSON_TYPES:
            known = ", ".join(sorted({*EVENT_TYPES.values(), *PERSON_TYPES.values()}))
            raise ConfigurationError(f"mapping file {path}: {theirs!r} → {ours!r} is not a type, use one of {known}")
    return Mapping(section.fields, section.events)
