"""Letters as tables for a person."""

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from workers.admin.dead_letters.advice import advice_on
from workers.admin.dead_letters.letter import Letter
from workers.admin.dead_letters.summary import Summary
from workers.admin.shown import short, shown, whole

WIDE = 120  # columns of a terminal from which on each fact has a column of its own
MAX_MESSAGE_CHARS = 300  # of a fact with lines of its own: `dlq show` has the whole message
MAX_TIME_MS = 253_402_300_799_000  # the end of the year 9999, beyond which there is no calendar


def counts_table(summary: Summary, width: int = WIDE) -> Table:
    """Letters by topic and reason, most first, in several lines each where `width` is small: nothing is cut."""
    table = Table(title="dead letters", title_justify="left", show_lines=width < WIDE)
    _add_columns(table, width, ("topic", "reason"), "open", "replayed", "attempts", ("first", "last"))
    ranked = sorted(summary.groups.items(), key=lambda group: (-group[1].open, group[0]))
    for (topic, reason), group in ranked:
        counts = (str(group.open), str(group.replayed), str(group.most_attempts))
        _add_row(table, width, (topic, reason), *counts, (moment(group.first_ms), moment(group.last_ms)))
    return table


def letters_table(letters: Iterable[Letter], width: int = WIDE) -> Table:
    """One letter a row, in several lines where `width` is small; its name is what `dlq show` takes."""
    table = Table(title="newest that are open", title_justify="left", show_lines=width < WIDE)
    _add_columns(table, width, ("letter",), ("record", "key", "refused"), "attempt", ("reason", "what is wrong"))
    for letter in letters:
        record = (str(letter.position), short(letter.key), moment(letter.refused_at_ms))
        _add_row(table, width, (letter.name,), record, str(letter.attempt), (letter.reason, letter.message))
    return table


def _add_columns(table: Table, width: int, *columns: str | tuple[str, ...]) -> None:
    """A text is a column of numbers, a tuple one of several lines, or a column for each of them where there is room."""
    for column in columns:
        if isinstance(column, str):
            table.add_column(column, justify="right")
        elif width < WIDE:
            table.add_column("\n".join(column), overflow="fold")
        else:
            for name in column:
                table.add_column(name, overflow="fold")


def _add_row(table: Table, width: int, *cells: str | tuple[str, ...]) -> None:
    narrow, row = width < WIDE, list[Text]()
    for cell in cells:
        facts = (cell,) if isinstance(cell, str) else cell
        texts = [shown(fact, MAX_MESSAGE_CHARS) if narrow else shown(fact) for fact in facts]
        row += [Text("\n").join(texts)] if narrow else texts
    table.add_row(*row)


def letter_view(letter: Letter, why_not: str) -> Lines:
    """All of one letter, and what to do about it."""
    facts = Table.grid(padding=(0, 2))
    for name, content in _facts(letter).items():
        facts.add_row(Text(name, style="bold"), _plain(content))
    headers = Table("header", "content", title="headers", title_justify="left")
    for header, sent in letter.headers:
        headers.add_row(_plain(header), _plain(short(sent)))
    advice = f"{advice_on(letter.reason)}." + (f" It can't be replayed: {why_not}." if why_not else "")
    return Lines(
        facts,
        headers if letter.headers else _title("no headers"),
        _title("value"),
        _value(letter),
        _title("stack trace"),
        _plain(letter.stacktrace.rstrip()),
        _title("what to do"),
        Text(advice),
    )


def _title(text: str) -> Text:
    return Text(text, style="bold")


def _facts(letter: Letter) -> dict[str, str]:
    first = {} if letter.origin == letter.position else {"first refused at": str(letter.origin)}
    return {
        "letter": letter.name,
        "refused": f"{moment(letter.refused_at_ms)}, attempt {letter.attempt}, by the agent {letter.stage}",
        "record": str(letter.position),
        **first,
        "record's time": "unknown" if letter.time_ms is None else moment(letter.time_ms),
        "reason": letter.reason,
        "message": letter.message,
        "class": letter.error_class,
        "key": short(letter.key),
    }


def _value(letter: Letter) -> Text:
    if letter.omitted_bytes is not None:
        return Text(f"left out, {letter.omitted_bytes:,} bytes: it is in its own topic, at {letter.position}")
    return Text("null") if letter.value is None else _plain(whole(letter.value))


def moment(time_ms: int) -> str:
    """A time in UTC, to the second; a number where the calendar has no such day.

    >>> moment(1_714_564_800_000), moment(10**18)
    ('2024-05-01 12:00:00Z', '1000000000000000000 ms')
    """
    if not 0 <= time_ms <= MAX_TIME_MS:
        return f"{time_ms} ms"
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def _plain(text: str) -> Text:
    return Text("".join(char if char.isprintable() or char in "\n\t" else "�" for char in text))
