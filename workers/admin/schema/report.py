"""What was detected, as tables for a person."""

from dataclasses import replace
from typing import Any

import orjson
from rich.console import Group
from rich.table import Table
from rich.text import Text

from workers.admin.schema.found import Detection, FoundEvent, FoundField
from workers.admin.shown import shown
from workers.records.ignored import BUILT_IN
from workers.records.mapping import written_section

NEEDED = ("event_type", "user_id", "item_id", "items")
MAX_SHOWN = 20  # of names and ids in one line


def detection_report(found: Detection) -> Group:
    """Fields, event names and a summary; names of the topic are shown as plain text, whatever they contain."""
    return Group(_fields(found.fields), _events(found.events), _summary(found))


def _fields(fields: tuple[FoundField, ...]) -> Table:
    table = Table("our field", "found at", "by", "records", "fits as well", title="fields", title_justify="left")
    for one in fields:
        position, how = ("(known name)", "") if one.path is None else (shown(one.path), f"its {one.how}")
        table.add_row(one.name, position, how, f"{one.coverage:.1%}", shown(", ".join(one.rivals)))
    return table


def _events(events: tuple[FoundEvent, ...]) -> Table:
    table = Table("event name", "records", "our type", "how", title="events", title_justify="left")
    for one in events:
        table.add_row(shown(one.name), str(one.records), one.ours or "–", one.how)
    return table


def _summary(found: Detection) -> Text:
    lines = [
        f"{found.records} records, {found.unreadable} of them no JSON object",
        f"understood as they are: {found.before:.1%}, with the mapping: {found.after:.1%}",
    ]
    if found.ignored:
        lines.append(f"ignored, and not counted in these shares: {found.ignored}, which say nothing on an item")
    if found.schema_ids:
        ids = ", ".join(map(str, found.schema_ids[:MAX_SHOWN]))
        lines.append(f"framed by a schema registry, and no JSON inside (Avro or Protobuf): schema ids {ids}")
    if found.ratings:
        lines.append(f"ratings: {found.ratings[0]:g} to {found.ratings[1]:g}, on the scale {found.mapping.scale}")
    if found.times:
        lines.append("times: " + ", ".join(f"{form} ({count})" for form, count in found.times.items()))
    if found.missing:
        lines.append("not found: " + "; ".join(found.missing))
    if found.refusals:
        lines.append("refused: " + ", ".join(f"{code} ({count})" for code, count in found.refusals.items()))
    return Text("\n".join(lines))


def shortfall(found: Detection) -> Text:
    """What a mapping of too few records lacks, and how to write it by hand."""
    lines = [f"only {found.after:.1%} of the records are understood, which is too little to start a worker with."]
    if found.missing:
        lines.append("missing: " + "; ".join(found.missing))
    partly = [f"{one.name} ({one.coverage:.1%})" for one in found.fields if one.name in NEEDED and one.coverage < 1]
    if partly:
        lines.append("in some of the records only: " + ", ".join(partly))
    if found.schema_ids:
        lines.append("publish plain JSON, or use the registry's JSON Schema serializer")
    unknown = [one.name for one in found.events if one.how == "unknown"]
    if unknown:
        lines.append(
            "events without a meaning: " + ", ".join(map(repr, unknown[:MAX_SHOWN])) + ": give each a type under "
            '"events", or ignore it (TASTESTREAM_IGNORED_EVENTS)'
        )
    if found.unused:
        lines.append("paths that were not recognised: " + ", ".join(found.unused))
    if found.unreadable < found.records:
        lines.append("write the mapping file by hand (docs/topics.md, Any other shape), beginning with this:")
        lines.append(orjson.dumps({found.kind: _skeleton(found)}, option=orjson.OPT_INDENT_2).decode())
    return Text("\n".join(map(_printable, lines)))


def _skeleton(found: Detection) -> dict[str, Any]:
    """What was found, with a place for each field that was not."""
    written = written_section(replace(found.mapping, ignored=BUILT_IN))
    lacking = {f"PATH OF {group}": group.split(" or ")[0] for group in found.missing}
    unknown = {one.name: "TYPE" for one in found.events if one.how == "unknown"}
    events = {**found.mapping.events, **dict(list(unknown.items())[:MAX_SHOWN])}
    return {**written, "fields": {**found.mapping.fields, **lacking}} | ({"events": events} if events else {})


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in line)
