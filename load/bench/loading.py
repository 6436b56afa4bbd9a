"""How fast ratings are read, beside a plain read of the bytes and Python's csv module (temporary files).

`python -m load.bench.loading` prints the table. Files are read once before, so that none waits for the disk.
"""

import csv
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from load.datasets.dataset import SHARED
from load.datasets.layouts import detect
from load.datasets.movielens import read_ratings, stream_ratings
from load.datasets.synthetic import Shape, make_ratings, make_truth
from load.datasets.synthetic_files import write_colon_ratings, write_comma_ratings, write_synthetic

RUNS = 3
ML_1M = Shape(users=6_040, items=3_706, ratings=1_000_209, tags=0)
LARGE = Shape(users=40_000, items=60_000, ratings=5_000_000, tags=0, clusters=100)
# What the recipe that this project replaces states for ML-1M.
CLAIM = 4_260_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; rates in ratings per second, best of the runs."""

    data: str
    way: str
    ratings: int
    rate: float


def main() -> None:
    """Measures all data sets and prints the table."""
    with tempfile.TemporaryDirectory() as temporary:
        folders = _prepare(Path(temporary))
        rows = [row for name, folder in folders.items() for row in measure(name, folder)]
    table = Table("data", "way", "ratings", "ratings/s", title=f"Loading (best of {RUNS}; to beat: {CLAIM:,}/s)")
    for row in rows:
        table.add_row(row.data, row.way, f"{row.ratings:,}", f"{row.rate:,.0f}")
    Console().print(table)


def measure(name: str, folder: Path, runs: int = RUNS) -> list[Row]:
    """The two floors and the two readers on one folder."""
    ways: dict[str, Callable[[Path], int]] = {
        "bytes only (floor)": _read_bytes,
        "csv module (naive)": _read_with_csv_module,
        "read_ratings": lambda folder: len(read_ratings(folder)),
        "stream_ratings": lambda folder: sum(len(block) for block in stream_ratings(folder)),
    }
    ratings = len(read_ratings(folder))
    seconds = {way: min(_seconds(read, folder) for _ in range(runs)) for way, read in ways.items()}
    return [Row(name, way, ratings, ratings / taken) for way, taken in seconds.items()]


def _prepare(root: Path) -> dict[str, Path]:
    small = SHARED if SHARED.is_dir() else root / "small"
    if small != SHARED:
        write_synthetic(small, Shape())
    colons, commas = root / "colons", root / "commas"
    for folder, shape, write, movies in (
        (colons, ML_1M, write_colon_ratings, "movies.dat"),
        (commas, LARGE, write_comma_ratings, "movies.csv"),
    ):
        folder.mkdir()
        write(folder, make_ratings(shape, make_truth(shape)))
        (folder / movies).touch()  # the layout is known by it; no rating needs it
    return {"ml-latest-small": small, "ML-1M's shape, `::`": colons, "5 million rows, CSV": commas}


def _seconds(read: Callable[[Path], int], folder: Path) -> float:
    began = time.perf_counter()
    read(folder)
    return time.perf_counter() - began


def _read_bytes(folder: Path) -> int:
    return len((folder / detect(folder).ratings.file).read_bytes())


def _read_with_csv_module(folder: Path) -> int:
    table = detect(folder).ratings
    with (folder / table.file).open(newline="") as file:
        rows = csv.reader(file, delimiter=table.separator[0])
        if table.header:
            next(rows)
        step = len(table.separator)
        parsed = [(int(row[0]), int(row[step]), float(row[2 * step]), int(row[3 * step]) * 1000) for row in rows]
    return len(parsed)


if __name__ == "__main__":
    main()
