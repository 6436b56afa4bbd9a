"""Files of precomputed lists, JSON lines or Parquet, one line an item (reads and writes files)."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from workers.errors import BadRecordError, ConfigurationError
from workers.records.wire import parse_json

LENGTH = 20
"""Items of a list."""

Line = Mapping[str, Any]
"""`item_id`, `version` of the vectors (None: without), `similar`: a list of `item_id` and `score`, best first."""


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """The lists of one file: 160 bytes an item and its id; made with the vectors of `version`, None: with none."""

    version: int | None
    _names: NDArray[np.object_]
    _rows: Mapping[str, int]
    _positions: NDArray[np.int32]
    _scores: NDArray[np.float32]

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Lists":
        """From a file's lines; raises ValueError, KeyError or TypeError for lines that are none of ours."""
        read = list(lines)
        names = {str(line["item_id"]): row for row, line in enumerate(read)}
        for line in read:
            for found in line["similar"]:
                names.setdefault(str(found["item_id"]), len(names))
        if len({line["version"] for line in read}) != 1:
            raise ValueError("its lines are of no version, or of several")
        positions = np.full((len(read), LENGTH), -1, dtype=np.int32)
        scores = np.zeros((len(read), LENGTH), dtype=np.float32)
        for row, line in enumerate(read):
            for at, found in enumerate(line["similar"][:LENGTH]):
                positions[row, at], scores[row, at] = names[str(found["item_id"])], found["score"]
        if not np.isfinite(scores).all() or len({str(line["item_id"]) for line in read}) != len(read):
            raise ValueError("a score is not finite, or an item comes twice")
        rows = {str(line["item_id"]): row for row, line in enumerate(read)}
        return cls(read[0]["version"], np.array(list(names), dtype=object), rows, positions, scores)

    def __len__(self) -> int:
        return len(self._rows)

    def similar(self, item_id: str) -> dict[str, float] | None:
        """Scores of up to 20 items, best first; None for an item that had no list."""
        row = self._rows.get(item_id)
        if row is None:
            return None
        known = self._positions[row] >= 0
        found = zip(self._names[self._positions[row][known]], self._scores[row][known].tolist(), strict=True)
        return {str(name): score for name, score in found}


def write_lists(path: Path, lines: list[Line]) -> None:
    """Write a `.parquet` or `.jsonl` file, whole or not at all: a reader never sees a partial file."""
    partial = path.with_name(path.name + ".partial")
    if path.suffix == ".parquet":
        from workers.recommend.parquet_lists import write_parquet

        write_parquet(partial, lines)
    else:
        partial.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    os.replace(partial, path)  # noqa: PTH105 - `Path.replace` reads like a change of text


def read_lists(path: Path) -> Lists:
    """Read what `write_lists` wrote; raises `ConfigurationError` for a file that is missing or none of ours."""
    try:
        if path.suffix == ".parquet":
            from workers.recommend.parquet_lists import read_parquet

            return Lists.of(read_parquet(path))
        return Lists.of(parse_json(line) for line in path.read_bytes().splitlines())
    except (OSError, BadRecordError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path} can't be read as precomputed lists ({error}): make it with `tastestream precompute`"
        ) from error
