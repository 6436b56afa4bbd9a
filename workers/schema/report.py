"""What was detected, as tables for a person."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workers.schema.found import Detection, FoundEvent, FoundField
from workers.shown import shown


def detection_report(found: Detection) -> Group:
    """Fields, event names and a summary; names of the topic are shown as plain text, whatever they contain."""
    return Group(_fields(found.fields), _events(found.events), _summary(found))


def _fields(fields: tuple[FoundField, ...]) -> Table:
    table = Table("our field", "found at", "records", "fits as well", title="fields", title_justify="left")
    for one in fields:
        place = "(known name)" if one.path is None else shown(one.path)
        table.add_row(one.name, place, f"{one.coverage:.1%}", shown(", ".join(one.rivals)))
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
    if found.times:
        lines.append("times: " + ", ".join(f"{form} ({count})" for form, count in found.times.items()))
    if found.missing:
        lines.append("not found: " + "; ".join(found.missing))
    if found.refusals:
        lines.append("refused: " + ", ".join(f"{code} ({count})" for code, count in found.refusals.items()))
    return Text("\n".join(lines))
