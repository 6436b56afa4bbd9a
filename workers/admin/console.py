"""Where commands write: answers to standard output, progress and remarks to standard error."""

import textwrap

from rich.console import Console

from workers.admin.shown import shown
from workers.stream.refused import Refusals

# Tables need room; a pipe or a log file has no width of its own.
PIPE_WIDTH = 180
# Of records that workers skip; the rest is counted.
MOST_REFUSED = 20


def answers() -> Console:
    """For what was asked: may be piped into a file or another program."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


def print_refused(console: Console, refused: Refusals) -> None:
    """Say which records of a followed topic no worker goes by, the newest first, and how to heal them."""
    newest = list(refused)[::-1]
    for one in newest[:MOST_REFUSED]:
        text = f"skipped: {one.position}, key {one.key!r}: {one.reason}: {one.problem}"
        console.print(shown(text, 1_000), soft_wrap=True)
    if len(newest) > MOST_REFUSED:
        console.print(f"skipped: {len(newest) - MOST_REFUSED} more", highlight=False)
    if newest:
        healing = "a good record of the same key, or a null value, takes the place of one that is skipped"
        console.print(healing, soft_wrap=True)


def wrapped(line: str) -> str:
    """A line as several where the terminal is narrower, indented below its beginning; a pipe gets it whole."""
    console = Console()
    if not console.is_terminal:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return "\n".join(textwrap.wrap(line, console.width, subsequent_indent=indent)) or line


def remarks() -> Console:
    """For what happens meanwhile."""
    return Console(stderr=True)


def for_bars() -> Console | None:
    """A console for progress bars; None without a terminal."""
    console = remarks()
    return console if console.is_terminal else None
