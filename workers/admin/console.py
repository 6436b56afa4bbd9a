"""Where commands write: answers to standard output, progress and remarks to standard error."""

import textwrap

from rich.console import Console

# Tables need room; a pipe or a log file has no width of its own.
PIPE_WIDTH = 180


def answers() -> Console:
    """For what was asked: may be piped into a file or another program."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


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
