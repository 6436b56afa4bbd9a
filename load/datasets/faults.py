"""Finds the line that makes a rating file unusable: the fast reader says that it is, this says where."""

import re
from dataclasses import dataclass
from pathlib import Path

from load.datasets.layouts import TextTable

MIN_STARS, MAX_STARS = 0.5, 5.0
# The year 3000: above it the column holds milliseconds, and every decay would be wrong by a factor of 1000.
MAX_TIME_S = 32_503_680_000

WHOLE_NUMBER = re.compile(r"\s*-?\d{1,18}\s*")
DECIMAL = re.compile(r"\s*-?\d+(\.\d*)?\s*")


@dataclass(frozen=True, slots=True)
class Fault:
    """The first broken line of a file, counted from 1, and what is wrong with it."""

    line: int
    what: str


def first_fault(path: Path, table: TextTable) -> Fault | None:
    """The first row of a rating file that breaks the format, or None; O(file), for the error path only."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1 and table.header:
                continue
            what = row_fault(line.rstrip("\r\n"), table)
            if what:
                return Fault(number, what)
    return None


def row_fault(row: str, table: TextTable) -> str | None:
    """What is wrong with one row of a rating file, or None; an empty row is no row.

    >>> from load.datasets.layouts import COLONS
    >>> row_fault("1::1193::5::978300760", COLONS.ratings)
    >>> row_fault("1::1193::9::978300760", COLONS.ratings)
    "the rating is '9', expected 0.5 to 5.0"
    """
    if not row:
        return None
    fields = row.split(table.separator)
    if len(fields) != len(table.columns):
        return f"{len(fields)} fields in {row[:80]!r}, expected {len(table.columns)}"
    user, item, value, time_s = fields
    for name, text in (("user", user), ("item", item), ("time", time_s)):
        if not WHOLE_NUMBER.fullmatch(text):
            return f"the {name} is {text[:40]!r}, expected a whole number"
    if not DECIMAL.fullmatch(value) or not MIN_STARS <= float(value) <= MAX_STARS:
        return f"the rating is {value[:40]!r}, expected {MIN_STARS} to {MAX_STARS}"
    if not 0 <= int(time_s) <= MAX_TIME_S:
        return f"the time is {time_s!r}, expected epoch seconds"
    return None
