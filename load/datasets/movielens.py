"""Reads the ratings of any MovieLens release as columns, whole or in a stream of blocks (reads files)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from load.datasets.errors import DataFileError
from load.datasets.faults import MAX_STARS, MAX_TIME_S, MIN_STARS, first_fault
from load.datasets.layouts import TextTable, detect
from load.datasets.ratings import Ratings

# Threads share a file by blocks: with much smaller ones the hand-over shows, with larger ones a core idles.
WHOLE_BLOCK_BYTES = 256 * 1024
# A streamed block is what is held in memory at a time: 4 MB of text is about 160,000 ratings.
STREAM_BLOCK_BYTES = 4 * 1024 * 1024

ARROW_TYPES = {"user": pa.int64(), "item": pa.int64(), "value": pa.float32(), "time": pa.int64()}


def read_ratings(folder: Path) -> Ratings:
    """All ratings of the release in `folder`, in file order.

    Raises DataFileError naming file and line if a row can't be used.
    """
    table = detect(folder).ratings
    path = folder / table.file
    try:
        return _columns(arrow_csv.read_csv(path, **_options(path, table, WHOLE_BLOCK_BYTES)))
    except (pa.ArrowInvalid, ValueError) as error:
        raise _located(path, table, error) from error


def stream_ratings(folder: Path, block_bytes: int = STREAM_BLOCK_BYTES) -> Iterator[Ratings]:
    """The same rows in blocks of about `block_bytes` of text; memory does not grow with the file.

    Raises DataFileError at the block with the broken row, naming file and line.
    """
    table = detect(folder).ratings
    path = folder / table.file
    try:
        with arrow_csv.open_csv(path, **_options(path, table, block_bytes)) as reader:
            for batch in reader:
                yield _columns(batch)
    except (pa.ArrowInvalid, ValueError) as error:
        raise _located(path, table, error) from error


def _options(path: Path, table: TextTable, block_bytes: int) -> dict[str, Any]:
    _check_header(path, table)
    columns = _arrow_columns(table)
    return {
        "read_options": arrow_csv.ReadOptions(
            column_names=columns, skip_rows=1 if table.header else 0, block_size=block_bytes
        ),
        "parse_options": arrow_csv.ParseOptions(delimiter=table.separator[0], quote_char=False),
        # Only the empty text is null: it must fill the gaps of "::" and is a fault anywhere else.
        "convert_options": arrow_csv.ConvertOptions(
            column_types={name: ARROW_TYPES.get(name, pa.null()) for name in columns}, null_values=[""]
        ),
    }


def _arrow_columns(table: TextTable) -> list[str]:
    """Arrow splits at single characters, so "::" is ":" with an empty column in every gap."""
    gaps = len(table.separator) - 1
    names = [name for column in table.columns for name in (column, *(f"gap {column} {n}" for n in range(gaps)))]
    return names[: len(names) - gaps]


def _check_header(path: Path, table: TextTable) -> None:
    if not table.header:
        return
    with path.open(encoding="utf-8-sig") as lines:
        first = lines.readline().rstrip("\r\n")
    if first != table.header:
        raise DataFileError(f"{path}, line 1: the header is {first[:80]!r}, expected {table.header!r}")


def _columns(rows: Any) -> Ratings:
    """Numpy columns of an Arrow table or batch; raises ValueError if a value is missing or out of range."""
    if any(rows.column(name).null_count for name in ARROW_TYPES):
        raise ValueError("a field is empty")
    user, item, value, time_s = (rows.column(name).to_numpy(zero_copy_only=False) for name in ARROW_TYPES)
    # Written so that NaN fails: every comparison with it is false.
    if not np.all((value >= MIN_STARS) & (value <= MAX_STARS)):
        raise ValueError(f"a rating lies outside {MIN_STARS} to {MAX_STARS}")
    if not np.all((time_s >= 0) & (time_s <= MAX_TIME_S)):
        raise ValueError(f"a time lies outside 0 to {MAX_TIME_S} s")
    return Ratings(user, item, value, time_s * 1000)


def _located(path: Path, table: TextTable, error: Exception) -> DataFileError:
    fault = first_fault(path, table)
    where = f"{path}, line {fault.line}: {fault.what}" if fault else f"{path}: {error}"
    return DataFileError(f"{where}; repair the file or fetch it again")
