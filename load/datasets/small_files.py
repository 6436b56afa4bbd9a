"""Rows of the small MovieLens files (movies, links, tags, users) in any layout; errors name the line."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from load.datasets.errors import DataFileError
from load.datasets.layouts import TextTable


def read_rows(path: Path, table: TextTable) -> Iterator[dict[str, str]]:
    """Every row of `path` as {column: text}; raises DataFileError at a row of another length."""
    text = _decode(path.read_bytes())
    rows = _quoted_rows(text) if table.separator == "," else _plain_rows(text, table.separator)
    if table.header:
        _, first = next(rows, (1, []))
        if ",".join(first) != table.header:
            raise DataFileError(f"{path}, line 1: the header is {','.join(first)[:80]!r}, expected {table.header!r}")
    for line, fields in rows:
        if len(fields) != len(table.columns):
            raise DataFileError(
                f"{path}, line {line}: {len(fields)} fields, expected {len(table.columns)}; "
                "repair the file or fetch it again"
            )
        yield dict(zip(table.columns, fields, strict=True))


def _decode(raw: bytes) -> str:
    """Newer releases are UTF-8; ml-100k and ml-1m are Latin-1, which is hardly ever valid UTF-8."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _quoted_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    for fields in reader:
        if fields:
            yield reader.line_num, fields


def _plain_rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    # Not splitlines(): it would also cut at U+0085 and other characters that Latin-1 titles contain.
    for line, row in enumerate(text.split("\n"), start=1):
        if row.rstrip("\r"):
            yield line, row.rstrip("\r").split(separator)
