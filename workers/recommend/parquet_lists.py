"""Precomputed lists as Parquet; apart, because Arrow takes 56 MB of a worker that may never need it (files)."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

_SIMILAR = pa.list_(pa.struct([("item_id", pa.string()), ("score", pa.float32())]))
_COLUMNS = pa.schema([("item_id", pa.string()), ("version", pa.int64()), ("similar", _SIMILAR)])


def write_parquet(path: Path, lines: list[Any]) -> None:
    """Write lines of precomputed lists."""
    parquet.write_table(pa.Table.from_pylist(lines, schema=_COLUMNS), path)


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """The lines of a file; raises ValueError for one of other columns, or that is none."""
    try:
        lines: list[dict[str, Any]] = parquet.read_table(path, schema=_COLUMNS).to_pylist()
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    return lines
